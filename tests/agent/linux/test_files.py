"""Small kernel files."""

from agent.linux import files


def test_a_long_file_is_read_in_pieces_up_to_the_limit(tmp_path):
    path = tmp_path / "long"
    path.write_text("x" * (files.MAX_FILE_BYTES + 100_000), encoding="ascii")
    assert len(files.read_text(str(path))) == files.MAX_FILE_BYTES
    path.write_text("y" * 40_000, encoding="ascii")
    assert files.read_text(str(path)) == "y" * 40_000


def test_what_leads_nowhere_has_no_inode_and_no_size(tmp_path):
    assert files.inode(str(tmp_path / "gone")) == 0
    assert files.size(str(tmp_path / "gone")) == 0


def test_an_attribute_that_cannot_be_read_has_no_value(tmp_path):
    assert files.value(str(tmp_path)) is None
    assert files.value(str(tmp_path / "gone")) is None
