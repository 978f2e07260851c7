"""Why a device counts or not, in Chinese; the agent says it in English (``agent.linux``, ``agent.databases``)."""

from __future__ import annotations

from console.translation import patterns, translated

_BELOW = r"(?: \((.*)\))?"
KNOWN = patterns(
    (r"a file shown as a disk: its blocks lie on a disk that counts" + _BELOW, "由文件虚拟的磁盘，数据在计入的磁盘上"),
    (r"compressed memory" + _BELOW, "压缩内存，不是磁盘"),
    (r"memory" + _BELOW, "内存盘，不是磁盘"),
    (r"a device-mapper layer: the disks below it count \((.*)\)", r"设备映射层，计入其下的磁盘（\1）"),
    (r"a device-mapper layer: the disks below it count", "设备映射层，计入其下的磁盘"),
    (r"an array: its member disks count \((.*)\)", r"磁盘阵列，计入成员盘（\1）"),
    (r"an array: its member disks count", "磁盘阵列，计入成员盘"),
    (r"a disk of another machine, reached over the network" + _BELOW, "经网络访问的其他机器的磁盘"),
    (r"a (?:replicated|cached) volume: the disks? below it counts?" + _BELOW, "复制卷或缓存卷，计入其下的磁盘"),
    (r"a volume of a pool: the pool's disks count" + _BELOW, "存储池中的卷，计入池中的磁盘"),
    (r"no hardware behind it" + _BELOW, "背后没有硬件"),
    (r"made of (.*), which count where they are disks", r"由 \1 组成，计入其中的磁盘"),
    (r"an optical drive: .*", "光驱：放入的介质，不是本机存储"),
    (r"a floppy drive: .*", "软驱：放入的介质，不是本机存储"),
    (r"hidden by the kernel: a part of another device", "内核隐藏的设备，是另一设备的一部分"),
    (r"a disk, or what a virtual machine takes for one, with nothing below it", "磁盘，或虚拟机眼中的磁盘，其下没有别的设备"),
    (r"a multipath head whose counters .*", "多路径设备，此内核不为它计数，计入其隐藏路径"),
    (r"an NVMe namespace over native multipath: .*", "NVMe 原生多路径的命名空间：计入它本身，不计隐藏路径"),
    (r"a hidden path of (\S+), whose own counters .*", r"\1 的隐藏路径，此内核不为 \1 计数，故计入路径"),
    (r"a hidden path of (\S+), which counts", r"\1 的隐藏路径，\1 已计入"),
    (r"a hidden path of (\S+), which is not here", r"\1 的隐藏路径，而 \1 不在本机"),
    (r"a bond: its members count", "绑定网卡，计入其成员"),
    (r"a team: its members count", "网卡组，计入其成员"),
    (r"a bridge: its ports' cards count", "网桥，计入其端口上的网卡"),
    (r"a VLAN on another device, which counts", "另一网卡上的 VLAN，那块网卡已计入"),
    (r"a second address on another device, which counts", "另一网卡上的附加地址，那块网卡已计入"),
    (r"a tunnel: its packets pass a device that counts", "隧道，其流量经过计入的网卡"),
    (r"a line over another device, which counts", "建立在另一网卡上的线路，那块网卡已计入"),
    (r"loopback: never leaves the host", "回环接口，流量不出本机"),
    (r"a tunnel or tap of a program, not a line", "程序建立的隧道或 TAP，不是线路"),
    (r"a kernel device without a line", "内核虚拟设备，没有线路"),
    (r"no hardware behind it \(one end of a veth pair, .*", "背后没有硬件（veth 的一端，或指向另一设备）"),
    (r"cable ends of containers or virtual machines: .*", "容器或虚拟机的内部线路，对外流量经过计入的网卡"),
    (r"a monitor interface: the wireless card itself counts", "监听接口，计入无线网卡本身"),
    (r"a port of a switch chip: .*", "交换芯片的端口，其流量经过计入的上联设备"),
    (r"the switch side of a virtual function: .*", "虚拟功能的交换侧，对外流量经过计入的上联口"),
    (r"its traffic is in the counters of (\S+), the device above it", r"其流量已在上层设备 \1 的计数中"),
    (r"a virtual function with the MAC address of (\S+), whose counters hold its traffic", r"与 \1 同 MAC 地址的虚拟功能，流量已在 \1 的计数中"),
    (r"a network card or a virtual machine's own \(driver unknown\)(.*)", r"物理网卡或虚拟机的网卡（驱动未知）\1"),
    (r"a network card or a virtual machine's own \(driver ([^)]*)\)", r"物理网卡或虚拟机的网卡（驱动 \1）"),
    (r"a network card or a virtual machine's own \(driver ([^)]*)\); a virtual function of (.*), which has the port's capacity", r"物理网卡或虚拟机的网卡（驱动 \1）；是 \2 的虚拟功能，端口容量记在 \2"),
    (r"a network card or a virtual machine's own \(driver ([^)]*)\); (\S+) above it does not count", r"物理网卡或虚拟机的网卡（驱动 \1）；其上的 \2 不计入"),
    (r"all units together", "所有单元合计"),
    (r"([^,]+), ([^:]*): approximation downwards: (.*)", r"\2，口径 \1：近似值，偏低（\3）"),
    (r"([^,]+), ([^:]*): approximation upwards: (.*)", r"\2，口径 \1：近似值，偏高（\3）"),
    (r"([^,]+), ([^:]*): approximation: (.*)", r"\2，口径 \1：近似值（\3）"),
    (r"(\S+/\d+), ([^:]*): (.*)", r"\2，按口径 \1 计数：\3"),
)  # fmt: skip
_CONFIGURED = patterns(
    (r"excluded by configuration: (.*); without it: (.*)", r"按配置排除（\1）；否则："),
    (r"included by configuration: (.*); without it: (.*)", r"按配置计入（\1）；否则："),
)


def reason_in(reason: str, language: str) -> str:
    """Return why a device counts or not, in a language; as the agent says it where there are no words."""
    head = translated(reason, language, _CONFIGURED)
    if head != reason:
        return head + reason_in(reason.partition("; without it: ")[2], language)
    return translated(reason, language, KNOWN)
