"""Curves of recall against queries a second, as an SVG file: no library, no font but the reader's."""

import math

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 78, 150, 40, 52
RECALLS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998)
# Okabe and Ito's colours, told apart by most who see colours differently; ours first.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#b3a100")


def curves(title, lines):
    """lines: name → [(recall, queries a second), …] → the text of an SVG file. Recall is drawn by what is missing, on a
    logarithmic scale: .9, .99 and .999 are equally far apart."""
    shown = {name: sorted(point for point in points if RECALLS[0] <= point[0]) for name, points in lines.items()}
    shown = {name: points for name, points in shown.items() if points}
    every = [point for points in shown.values() for point in points]
    if not every:
        return ""
    low = max(RECALLS[0], min(recall for recall, _ in every))
    first = next((at for at in reversed(RECALLS) if at <= low), RECALLS[0])
    slowest, fastest = min(speed for _, speed in every), max(speed for _, speed in every)
    bottom, top = math.log10(slowest) - 0.05, math.log10(fastest) + 0.08

    def x(recall):
        depth = math.log10((1 - first) / max(1 - recall, 1 - 0.9985))
        return LEFT + depth / math.log10((1 - first) / (1 - 0.9985)) * (WIDTH - LEFT - RIGHT)

    def y(speed):
        return HEIGHT - BOTTOM - (math.log10(speed) - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="22" font-size="14" fill="#222222">{title}</text>']
    for recall in (at for at in RECALLS if at >= first):
        out.append(f'<path d="M{x(recall):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>'
                   f'<text x="{x(recall):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444444">'
                   f"{recall}</text>")
    for exponent in range(math.floor(bottom), math.ceil(top) + 1):
        for speed in (each * 10 ** exponent for each in (1, 2, 5)):
            if bottom <= math.log10(speed) <= top:
                out.append(f'<path d="M{LEFT} {y(speed):.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>'
                           f'<text x="{LEFT - 8}" y="{y(speed) + 4:.1f}" text-anchor="end" fill="#444444">'
                           f"{speed:,}</text>")
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 12}" text-anchor="middle" fill="#444444">'
               "recall of the ten nearest</text>")
    out.append(f'<text transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle" '
               'fill="#444444">queries a CPU second</text>')
    for number, (name, points) in enumerate(shown.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(recall):.1f},{y(speed):.1f}" for recall, speed in points)
        width = 3 if name == "strata" else 1.5
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        out += [f'<circle cx="{x(recall):.1f}" cy="{y(speed):.1f}" r="2.5" fill="{colour}"/>'
                for recall, speed in points]
        at = TOP + 12 + number * 20
        weight = ' font-weight="bold"' if name == "strata" else ""
        out.append(f'<path d="M{WIDTH - RIGHT + 14} {at - 4}h18" stroke="{colour}" stroke-width="{width}"/>'
                   f'<text x="{WIDTH - RIGHT + 38}" y="{at}" fill="#222222"{weight}>{name}</text>')
    return "\n".join([*out, "</svg>\n"])
