# 卸载 StarProof 星证 采集代理（Windows），不留文件；有未上报的数据时先询问。
# Removes the StarProof agent and leaves nothing; asks before it deletes data that was not delivered.
#requires -Version 5.1
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [switch]$KeepState,
    [switch]$DeleteUnsent
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Service = 'StarProofAgent'
$Prefix = Join-Path $env:ProgramFiles 'StarProof\Agent'
$Data = Join-Path $env:ProgramData 'StarProof'
$State = Join-Path $Data 'agent'

function Stop-With([string]$Message) {
    [Console]::Error.WriteLine("uninstall.ps1: $Message")
    exit 1
}

$Identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Stop-With '请以管理员身份运行 PowerShell | run PowerShell as administrator'
}
if ($KeepState -and $DeleteUnsent) { Stop-With '-KeepState 与 -DeleteUnsent 只能选一 | give one of -KeepState and -DeleteUnsent' }

function Get-UnsentCount {
    $Spool = Join-Path $State 'spool'
    if (-not (Test-Path -LiteralPath $Spool)) { return 0 }
    $Files = @(Get-ChildItem -LiteralPath $Spool -File -Recurse | Where-Object {
            $_.Extension -eq '.chunk' -or $_.Directory.Name -eq 'damaged' -or $_.Directory.Name -eq 'refused' })
    return $Files.Count
}

# Nobody who can be asked (-NonInteractive, a task, a remote session) is the answer no.
function Assert-MayDelete([int]$Count) {
    [Console]::Error.WriteLine("有 $Count 个数据块尚未上报，删除后无法恢复。| $Count chunks were not delivered; once deleted they are lost for good.")
    $Answer = ''
    try { $Answer = Read-Host '仍要删除请输入 delete | type delete to delete them all the same' } catch { $Answer = '' }
    if ($Answer -cne 'delete') {
        Stop-With '未删除：请恢复与采集端的连接，或加 -DeleteUnsent | nothing was removed: let the agent deliver them, or give -DeleteUnsent'
    }
}

function Start-Again {
    try {
        Start-Service -Name $Service
    } catch {
        [Console]::Error.WriteLine("uninstall.ps1: 服务未能再次启动：本机现在没有测量 | the service does not start again, this host measures nothing now: Start-Service $Service ($_)")
    }
}

# 1. What is unsent already is asked about before anything is stopped.
$Ask = -not $KeepState -and -not $DeleteUnsent -and -not $WhatIfPreference
$Unsent = Get-UnsentCount
if ($Ask -and $Unsent -gt 0) {
    Assert-MayDelete $Unsent
    $Ask = $false
}

# 2. A stopping agent seals and delivers once more; what it cannot deliver then is asked about, too.
#    Whoever leaves at that question, also by Ctrl-C, has removed nothing: the agent runs again.
$Existing = Get-Service -Name $Service -ErrorAction SilentlyContinue
$WasRunning = [bool]($Existing -and $Existing.Status -ne 'Stopped')
$Agreed = $false
try {
    if ($WasRunning -and $PSCmdlet.ShouldProcess($Service, 'stop')) {
        Stop-Service -Name $Service
        $Existing.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(60))
    }
    $Unsent = Get-UnsentCount
    if ($Ask -and $Unsent -gt 0) { Assert-MayDelete $Unsent }
    if ($Existing -and $PSCmdlet.ShouldProcess($Service, 'delete')) {
        & "$env:SystemRoot\System32\sc.exe" delete $Service | Out-Null
        if ($LASTEXITCODE -ne 0) { Stop-With '服务无法删除 | the service cannot be deleted' }
    }
    $Agreed = $true
} finally {
    if ($WasRunning -and -not $Agreed -and -not $WhatIfPreference) { Start-Again }
}

# 3. The service and its account are gone; the program, the data.
$Gone = @($Prefix)
if (-not $KeepState) { $Gone += $Data }
foreach ($Folder in $Gone) {
    if ((Test-Path -LiteralPath $Folder) -and $PSCmdlet.ShouldProcess($Folder, 'remove')) {
        Remove-Item -LiteralPath $Folder -Recurse -Force
    }
}
$Above = Split-Path -Parent $Prefix
if ((Test-Path -LiteralPath $Above) -and -not (Get-ChildItem -LiteralPath $Above) -and $PSCmdlet.ShouldProcess($Above, 'remove')) {
    Remove-Item -LiteralPath $Above
}
Write-Output '已卸载 | removed'
