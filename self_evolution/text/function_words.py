"""Words that carry no content, of English and Chinese."""

_ENGLISH = """
a after an and any are as at be been before being but by can could did do does each for from had
has have how if in into is it its may must no not of on or should so such than that the their them
then there these they this those through to was were what when where which while who whom whose
why will with would you your
"""
_CHINESE = """
的 了 和 与 及 或 在 是 为 有 将 被 把 对 从 到 以 可 可以 需要 需 应 应该 会 能 并 且 而 等 其 该
此 这 那 个 中 上 下 时 后 前 请 进行 通过 使用 如果 则 由 于 也 都 就 要 一个 以及 或者 根据 用于
"""
FUNCTION_WORDS = frozenset((_ENGLISH + _CHINESE).split())
