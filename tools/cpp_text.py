"""Just enough C++ lexing for our checks: which characters are code, comment or string."""


def blank(text, comments=True, strings=True):
    """`text` with comments and the insides of strings turned into spaces; line breaks stay, so offsets and lines do."""
    out = []
    i, n = 0, len(text)

    def put(piece, hide):
        out.append("".join(c if c == "\n" else " " for c in piece) if hide else piece)

    while i < n:
        if text.startswith("//", i):
            end = text.find("\n", i)
            end = n if end < 0 else end
            put(text[i:end], comments)
        elif text.startswith("/*", i):
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
            put(text[i:end], comments)
        elif text.startswith('R"', i) and (i == 0 or not (text[i - 1].isalnum() or text[i - 1] == "_")):
            bracket = text.find("(", i)
            closing = ")" + text[i + 2 : bracket] + '"'
            end = text.find(closing, bracket)
            end = n if end < 0 else end + len(closing)
            put(text[i:end], strings)
        elif text[i] in "\"'" and not (text[i] == "'" and i and text[i - 1].isalnum()):  # 1'000 is a number
            end = i + 1
            while end < n and text[end] != text[i] and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            end = min(end + 1, n)
            out.append(text[i])
            put(text[i + 1 : end - 1], strings)
            out.append(text[end - 1 : end] if end - 1 > i else "")
        else:
            end = i + 1
            out.append(text[i])
        i = end
    return "".join(out)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
