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

# 1. A stopping agent seals and delivers once more; only then is counted what is left.
$Existing = Get-Service -Name $Service -ErrorAction SilentlyContinue
$WasRunning = $Existing -and $Existing.Status -ne 'Stopped'
if ($WasRunning -and $PSCmdlet.ShouldProcess($Service, 'stop')) {
    Stop-Service -Name $Service
    $Existing.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(60))
}
$Unsent = @()
$Spool = Join-Path $State 'spool'
if (Test-Path -LiteralPath $Spool) {
    $Unsent = @(Get-ChildItem -LiteralPath $Spool -File -Recurse | Where-Object {
            $_.Extension -eq '.chunk' -or $_.Directory.Name -eq 'damaged' -or $_.Directory.Name -eq 'refused' })
}
if ($Unsent.Count -gt 0 -and -not $KeepState -and -not $DeleteUnsent -and -not $WhatIfPreference) {
    Write-Output "有 $($Unsent.Count) 个数据块尚未上报，删除后无法恢复。| $($Unsent.Count) chunks were not delivered; once deleted they are lost for good."
    if ((Read-Host '仍要删除请输入 delete | type delete to delete them all the same') -cne 'delete') {
        if ($WasRunning) { Start-Service -Name $Service }
        Stop-With '未删除 | nothing was removed'
    }
}

# 2. The service and its account, the program, the data.
if ($Existing -and $PSCmdlet.ShouldProcess($Service, 'delete')) {
    & "$env:SystemRoot\System32\sc.exe" delete $Service | Out-Null
    if ($LASTEXITCODE -ne 0) { Stop-With '服务无法删除 | the service cannot be deleted' }
}
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
