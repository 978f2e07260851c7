"""The text that lies in every pack, for the reader who has nothing but the file."""

from __future__ import annotations

_TEXT = """\
星证 StarProof 证据包   {enterprise}   {month}

如何核验（不需要网络）
  pip install 'starproof[verifier]'
  starproof check 本文件.zip --log-key log.pub
  log.pub 是企业在申报期开始前登记的日志公钥，必须来自本文件之外。
  申请表和报告文件只供阅读；自行打印：starproof report --pack 本文件.zip --out 报告.pdf

通过核验证明：这些字节与日志密钥持有人签名时相同；每条读数都由该持有人登记的主机密钥签名，
统计期内每条链的首尾之间不缺数据块；日合计、指标和结论可以由读数按所列规则精确复算；
没有观测到的时间在比较时按 0 计（申报范围排除的日子除外，核验会列出）。

不能证明：主机上的计数器是真实的；负载是有用的工作；测量发生在何时（核验时由外部锚定证实的日子除外；
持有日志密钥的人也可以登记虚构的主机）；标为“未经证明”的导入数据；企业申报的各项（材料按
散列值保存在 data/documents/，由评审人员审阅）。计算得出的星级不是认定结果。

How to check (no network needed)
  starproof check THIS_FILE.zip --log-key log.pub
  log.pub is the log key that was registered before the window; it must not come from this file.
  Form and report files are copies for reading; print your own: starproof report --pack THIS_FILE.zip

A passing check proves: the bytes are those that the holder of the log key signed; every reading was
signed by a host key that this holder enrolled, and no chunk is missing between the first and the last
of a chain; day sums, figures and verdicts follow from the readings by the rules enclosed; time that
was not observed counts as 0 in the comparison (except excluded days, which the check lists).

It does not prove: that the counters were true; that the load was useful work; when it was measured
(but for days that anchors outside confirm; the holder of the log key can enrol hosts that do not
exist); anything about imported data marked "not attested"; what the enterprise declares (documents
are kept by hash under data/documents/, for the reviewer to read). A computed star is not an award.

Layout: BagIt (RFC 8493); chunks as in docs/chunk-format.md of StarProof.
"""


def readme(enterprise: str, month: str) -> str:
    """Return the text for one pack."""
    return _TEXT.format(enterprise=enterprise, month=month)
