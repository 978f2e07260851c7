"""Host or container: the manifest says from where the counters are seen."""

import pytest


def test_a_plain_server_is_seen_as_a_host(see):
    facts = see("multipath-dm").facts
    assert facts["view"] == "host"
    assert facts["cgroup"] == "/system.slice/starproof-agent.service"
    assert "cpu_max" not in facts


def test_an_lxc_container_is_named_with_what_divides_its_processor_counters(see):
    facts = see("container-lxc").facts
    assert facts["view"] == "container"
    assert "LXCFS" in facts["view_reason"]
    assert facts["cpu_max"] == "200000 100000"
    assert facts["cgroup"] == "/"


def test_the_end_of_a_veth_pair_in_a_container_does_not_count(see):
    seen = see("container-lxc")
    assert not seen.devices["eth0"].counts
    assert "veth" in seen.devices["eth0"].reason
    assert "no network device" in seen.absent["net.rx"]


def test_a_docker_container_is_named_although_it_shares_the_process_namespace(see):
    facts = see("container-docker").facts
    assert facts["view"] == "container"
    assert ".dockerenv" in facts["view_reason"]
    assert "whole machine" in facts["view_reason"]
    assert facts["cpu_max"] == "150000 100000"
    assert facts["cgroup"] == "/docker/3f2a9b77c1d0"


def test_a_machine_whose_image_came_from_a_container_is_a_host(see):
    facts = see("recorded-vm").facts
    assert facts["view"] == "host"
    assert "left from an image" in facts["view_reason"]


def plain(top):
    """A host that nothing marks as a container."""
    return top("sriov-vf-alone")


@pytest.fixture
def view_of(top, host, seen):
    """The facts of a plain host, with one file written: view_of(path, text)."""
    place = plain(top)

    def look(path=None, text=""):
        if path:
            write(place, path, text)
        return seen(host(place).read()).facts

    return look


def write(place, path, text):
    (place / path).parent.mkdir(parents=True, exist_ok=True)
    (place / path).write_text(text, encoding="ascii")


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        ("run/.containerenv", "", "containerenv"),
        ("run/systemd/container", "systemd-nspawn\n", "systemd-nspawn"),
        ("proc/1/environ", "TERM=linux\0container=lxc\0", "container=lxc"),
        ("proc/1/cgroup", "0::/kubepods.slice/pod1/cri-containerd-77.scope\n", "kubepods"),
        ("proc/1/cgroup", "4:cpu,cpuacct:/docker/aa11\n1:name=systemd:/\n", "docker"),
        (
            "proc/self/mountinfo",
            "9 8 0:60 / /proc/meminfo rw - fuse.lxcfs lxcfs rw\nshort line\n8 1 0:1 / / rw - ext4 /dev/sda1 rw\n",
            "LXCFS",
        ),
    ],
)
def test_each_sign_of_a_container_is_enough(view_of, path, text, word):
    assert view_of()["view"] == "host"
    facts = view_of(path, text)
    assert facts["view"] == "container"
    assert word in facts["view_reason"]


def test_another_process_namespace_is_a_container(top, host, seen):
    place = plain(top)
    (place / "proc/self/ns/pid").unlink()
    (place / "proc/self/ns/pid").symlink_to("pid:[4026532999]")
    assert seen(host(place).read()).facts["view"] == "container"


def test_a_namespace_that_cannot_be_read_is_said_and_is_no_sign(top, host, seen):
    place = plain(top)
    (place / "proc/self/ns/pid").unlink()
    facts = seen(host(place).read()).facts
    assert facts["view"] == "host"
    assert "cannot be read" in facts["view_reason"]


def test_a_dockerenv_decides_where_the_mounts_are_not_known(top, host, seen):
    place = plain(top)
    write(place, ".dockerenv", "")
    assert seen(host(place).read()).facts["view"] == "host"
    (place / "proc/self/mountinfo").unlink()
    assert seen(host(place).read()).facts["view"] == "container"


def test_a_host_without_cgroups_says_unknown(top, host, seen):
    place = plain(top)
    (place / "proc/self/cgroup").unlink()
    assert seen(host(place).read()).facts["cgroup"] == "unknown"


def test_a_missing_meminfo_leaves_the_fact_out(top, host, seen):
    place = plain(top)
    (place / "proc/meminfo").unlink()
    assert "memory_bytes" not in seen(host(place).read()).facts
