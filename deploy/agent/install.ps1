# 安装或更换版本：StarProof 星证 采集代理（Windows Server 2016 及以上）。可重复执行；密钥与待发数据不变。
# Installs the StarProof agent as a Windows service, or changes its version. May be run again; key and
# unsent data stay. Needs no network. 只看不做 | look only: .\install.ps1 -WhatIf
#requires -Version 5.1
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [string]$Name = '',
    [string]$TokenFile = '',
    [string]$Python = '',
    [switch]$NoEnroll,
    [switch]$NoStart
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Service = 'StarProofAgent'
# An account that Windows makes for the service alone; it has no password and goes with the service.
$Account = "NT SERVICE\$Service"
$Prefix = Join-Path $env:ProgramFiles 'StarProof\Agent'
$Data = Join-Path $env:ProgramData 'StarProof'
$State = Join-Path $Data 'agent'
$Settings = Join-Path $Data 'agent.toml'
$Authority = Join-Path $Data 'agent-ca.pem'
$Log = Join-Path $Data 'log\agent.log'
$Here = Split-Path -Parent $MyInvocation.MyCommand.Path

function Stop-With([string]$Message, [int]$Code = 1) {
    [Console]::Error.WriteLine("install.ps1: $Message")
    exit $Code
}

function Invoke-Program([string]$Program, [string[]]$Arguments, [string]$Failure) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { Stop-With $Failure }
}

function Set-ServiceProgram([string]$Command) {
    $Change = Get-CimInstance -ClassName Win32_Service -Filter "Name='$Service'" |
        Invoke-CimMethod -MethodName Change -Arguments @{ PathName = $Command }
    if ($Change.ReturnValue -ne 0) { throw "服务无法更改 | the service cannot be changed (Win32_Service.Change: $($Change.ReturnValue))" }
}

# The agent says that it runs when it reads; one that ends before, or says nothing for a minute, is an error.
function Start-Agent {
    Start-Service -Name $Service
    (Get-Service -Name $Service).WaitForStatus('Running', [TimeSpan]::FromSeconds(60))
}

# The version before takes its place again: its program, its certificates; and runs if it ran.
function Restore-Before([string]$Command, [byte[]]$Certificates, [bool]$Ran) {
    $Now = '未启动 | not started, as before'
    try {
        Stop-Service -Name $Service -Force -ErrorAction SilentlyContinue
        Set-ServiceProgram $Command
        if ($null -ne $Certificates) { [IO.File]::WriteAllBytes($Authority, $Certificates) }
        if ($Ran) {
            Start-Agent
            $Now = '已恢复运行 | runs again'
        }
        [Console]::Error.WriteLine("install.ps1: 新版本未装成，旧版本 | the new version is not installed; the one before: $Now. $Log")
    } catch {
        [Console]::Error.WriteLine("install.ps1: 旧版本也未能恢复运行：本机现在没有测量！| the one before does not run again either: THIS HOST MEASURES NOTHING NOW: $_ $Log")
    }
}

# 1. What can be wrong is found before anything is changed.
$Identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Stop-With '请以管理员身份运行 PowerShell | run PowerShell as administrator'
}
$FactsFile = Join-Path $Here 'bundle.txt'
if (-not (Test-Path -LiteralPath $FactsFile)) {
    Stop-With "请在解开的安装包目录中运行 | run this inside the unpacked bundle ($FactsFile is missing)"
}
$Facts = @{}
foreach ($Line in [IO.File]::ReadAllLines($FactsFile)) {
    $At = $Line.IndexOf('=')
    if ($At -gt 0) { $Facts[$Line.Substring(0, $At)] = $Line.Substring($At + 1) }
}
$SumsFile = Join-Path $Here 'SHA256SUMS'
foreach ($Line in [IO.File]::ReadAllLines($SumsFile)) {
    $Expected = $Line.Substring(0, 64)
    $File = Join-Path $Here $Line.Substring(66)
    if (-not (Test-Path -LiteralPath $File) -or (Get-FileHash -Algorithm SHA256 -LiteralPath $File).Hash -ne $Expected) {
        Stop-With "安装包已损坏或被改动，请重新拷贝 | the bundle is damaged or was changed: $File"
    }
}
if (-not [Environment]::Is64BitOperatingSystem) { Stop-With '需要 64 位 Windows | needs a 64-bit Windows' }
if (-not $Name) { $Name = $Facts['host'] }
if (-not $Name) { $Name = $env:COMPUTERNAME }
$Pythons = $Facts['pythons'].Split(' ')
if (-not $TokenFile -and (Test-Path -LiteralPath (Join-Path $Here 'token'))) { $TokenFile = Join-Path $Here 'token' }
if ($TokenFile -and -not (Test-Path -LiteralPath $TokenFile)) { Stop-With "读不到令牌文件 | cannot read the token file $TokenFile" }

# 2. A Python for which this bundle holds the wheels: installed for all users, so that a service may run it.
function Get-PythonMinor([string]$Program) {
    $ErrorActionPreference = 'Continue' # a program's words on its error stream are no error of ours
    $Answer = & $Program -c 'import sys, venv; print(''%d.%d'' % sys.version_info[:2])' 2>$null
    if ($LASTEXITCODE -eq 0) { return [string]$Answer }
    return ''
}
if (-not $Python) {
    $Seen = @()
    foreach ($Minor in $Pythons) {
        $Key = "HKLM:\SOFTWARE\Python\PythonCore\$Minor\InstallPath"
        if (Test-Path $Key) {
            $Folder = (Get-Item $Key).GetValue('')
            $Candidate = Join-Path $Folder 'python.exe'
            $Seen += $Candidate
            if ((Test-Path -LiteralPath $Candidate) -and ($Pythons -contains (Get-PythonMinor $Candidate))) { $Python = $Candidate }
        }
    }
    if (-not $Python) {
        Stop-With ("需要为所有用户安装 Python（$($Facts['pythons']) 之一），或用 -Python 指定 | install one of Python $($Facts['pythons']) for all users, or name one by -Python; found: " + ($Seen -join ', '))
    }
} elseif ($Pythons -notcontains (Get-PythonMinor $Python)) {
    Stop-With "$Python 不在支持之列 | $Python is not one of $($Facts['pythons'])"
}

# 3. The program, in a folder of its own: what runs now is not touched.
$Sums = (Get-FileHash -Algorithm SHA256 -LiteralPath $SumsFile).Hash.Substring(0, 12).ToLowerInvariant()
$Release = Join-Path $Prefix "releases\$($Facts['version'])-$Sums"
$Program = Join-Path $Release 'Scripts\starproof-agent.exe'
if (-not (Test-Path -LiteralPath (Join-Path $Release 'complete')) -and $PSCmdlet.ShouldProcess($Release, 'install')) {
    if (Test-Path -LiteralPath $Release) { Remove-Item -LiteralPath $Release -Recurse -Force }
    New-Item -ItemType Directory -Force -Path (Split-Path -Parent $Release) | Out-Null
    Invoke-Program $Python @('-m', 'venv', '--without-pip', $Release) '无法建立虚拟环境 | the virtual environment cannot be made'
    $Pip = (Get-ChildItem -LiteralPath (Join-Path $Here 'wheels') -Filter 'pip-*.whl' | Select-Object -First 1).FullName
    $Inside = Join-Path $Release 'Scripts\python.exe'
    Invoke-Program $Inside @("$Pip\pip", '--isolated', '--quiet', '--disable-pip-version-check', 'install', '--no-index',
        '--no-cache-dir', '--find-links', (Join-Path $Here 'wheels'), "starproof==$($Facts['version'])") '组件不全，见上一行 | wheels are missing, see the line above'
    & $Program sample | Out-Null
    if ($LASTEXITCODE -ne 0) { Stop-With '采集代理在本机不能运行，见上一行 | the agent does not run here, see the line above' }
    Copy-Item -LiteralPath (Join-Path $Here 'uninstall.ps1') -Destination $Release
    New-Item -ItemType File -Path (Join-Path $Release 'complete') | Out-Null
}

# 4. The old service stops, and the service gets the new program. Whatever fails from here on, also
#    Ctrl-C and a new version that does not start: what ran before is put back.
$Existing = Get-Service -Name $Service -ErrorAction SilentlyContinue
$Ran = [bool]($Existing -and $Existing.Status -ne 'Stopped')
$Before = ''
$CertificatesBefore = $null
if ($Existing) {
    $Before = (Get-CimInstance -ClassName Win32_Service -Filter "Name='$Service'").PathName
    if (Test-Path -LiteralPath $Authority) { $CertificatesBefore = [IO.File]::ReadAllBytes($Authority) }
}
$Status = 0
$Done = $false
try {
    if ($Existing -and $Existing.Status -ne 'Stopped' -and $PSCmdlet.ShouldProcess($Service, 'stop')) {
        Stop-Service -Name $Service
        $Existing.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(60))
    }
    # The service manager must find the process that it starts: not the virtual environment's python.exe,
    # which starts another one, but the Python itself with the service's file.
    $Main = Join-Path $Release 'Lib\site-packages\agent\windows_service.py'
    $Command = "`"$Python`" -I `"$Main`" `"$Settings`" `"$State`" `"$Log`""
    if ($PSCmdlet.ShouldProcess($Service, 'register')) {
        if ($Existing) {
            Set-ServiceProgram $Command
        } else {
            New-Service -Name $Service -BinaryPathName $Command -DisplayName 'StarProof 星证 采集代理 agent' -StartupType Automatic `
                -Description '读取本机计数器，封存并上报 | reads this host''s counters, seals and delivers them' | Out-Null
            Invoke-Program "$env:SystemRoot\System32\sc.exe" @('config', $Service, 'obj=', $Account) '服务账户无法设置 | the service account cannot be set'
            Invoke-Program "$env:SystemRoot\System32\sc.exe" @('failure', $Service, 'reset=', '86400', 'actions=', 'restart/5000/restart/5000/restart/60000') '重启策略无法设置 | the restart rule cannot be set'
            Invoke-Program "$env:SystemRoot\System32\sc.exe" @('failureflag', $Service, '1') '重启策略无法设置 | the restart rule cannot be set'
        }
    }

    # 5. Key, settings and unsent data: for administrators, the system and this service alone.
    if ($PSCmdlet.ShouldProcess($Data, 'create')) {
        foreach ($Folder in @($Data, $State, (Split-Path -Parent $Log))) { New-Item -ItemType Directory -Force -Path $Folder | Out-Null }
        $Icacls = "$env:SystemRoot\System32\icacls.exe"
        # By number: the names of these groups differ from language to language.
        Invoke-Program $Icacls @($Data, '/inheritance:r', '/grant:r', '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F', "${Account}:(OI)(CI)RX", '/Q') '权限无法设置 | the permissions cannot be set'
        foreach ($Folder in @($State, (Split-Path -Parent $Log))) {
            Invoke-Program $Icacls @($Folder, '/grant:r', "${Account}:(OI)(CI)M", '/Q') '权限无法设置 | the permissions cannot be set'
        }
        if (-not (Test-Path -LiteralPath $Settings)) { Copy-Item -LiteralPath (Join-Path $Here 'agent.toml') -Destination $Settings }
        $Certificates = Join-Path $Here 'agent-ca.pem'
        if (Test-Path -LiteralPath $Certificates) { Copy-Item -LiteralPath $Certificates -Destination $Authority -Force }
    }

    # 6. The host introduces itself, once.
    $Enrolled = Test-Path -LiteralPath (Join-Path $State 'enrolment.json')
    if (-not $Enrolled -and -not $NoEnroll -and $PSCmdlet.ShouldProcess($Name, 'enroll')) {
        if (-not $TokenFile) {
            Write-Output '未注册：没有令牌。| Not enrolled: there is no token. Then run: .\install.ps1 -TokenFile FILE'
            $Status = 3
        } else {
            & $Program enroll --config $Settings --state $State --name $Name --token-file $TokenFile
            if ($LASTEXITCODE -eq 0) { $Enrolled = $true } else { $Status = 3 }
        }
    }

    # 7. Start.
    if ($Enrolled -and -not $NoStart -and $PSCmdlet.ShouldProcess($Service, 'start')) { Start-Agent }
    $Done = $true
} catch {
    Stop-With "服务未能启动或安装中断，见 $Log | the service does not start, or the installation broke off: $_"
} finally {
    if (-not $Done -and $Before -and -not $WhatIfPreference) { Restore-Before $Before $CertificatesBefore $Ran }
}

# 8. Other versions are no longer needed.
if ($PSCmdlet.ShouldProcess("$Prefix\releases", 'remove other versions')) {
    Get-ChildItem -LiteralPath (Join-Path $Prefix 'releases') -Directory | Where-Object { $_.FullName -ne $Release } |
        ForEach-Object { Remove-Item -LiteralPath $_.FullName -Recurse -Force }
}
Write-Output "已安装 StarProof 采集代理 $($Facts['version']) | installed the StarProof agent $($Facts['version'])"
Write-Output "查看 look: & '$Program' status --state '$State'    卸载 remove: & '$Release\uninstall.ps1'"
exit $Status
