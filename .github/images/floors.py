"""Draw floors.svg, the README's picture of the floors, from the numbers of the notebooks: python .github/images/floors.py"""

from pathlib import Path

from tradelab.utils.nb_export import module_numbers

HERE = Path(__file__).parent
FLOORS = {
    4: ('doors', '#fde8c8', 'later: scheduling'),
    3: ('engines', '#f9d5d3', 'later: paper_trading, live_trading'),
    2: ('adapters', '#d5e8d4', 'later: broker'),
    1: ('core, pure', '#dae8fc', ''),
    0: ('ground', '#e8e0f0', ''),
}
TEXT = 'A module imports only from smaller numbers. Each outside library has its owner. Run notebooks stand on top and define nothing.'


def boxes(names, later, top):
    "SVG of one floor's modules from `top` on, and the height they take"
    x, y, parts = 165, top + 10, []
    for name in names:
        width = 20 + 7.8 * len(name)
        if x + width > 960:
            x, y = 165, y + 32
        parts.append(
            f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="26" rx="4" fill="white" stroke="#999"/>'
            f'<text x="{x + width / 2:.0f}" y="{y + 17}" font-size="13" text-anchor="middle" font-family="monospace" fill="#222">{name}</text>'
        )
        x += width + 8
    if later and x + 7 * len(later) > 960:
        x, y = 165, y + 32
    parts.append(f'<text x="{x + 4:.0f}" y="{y + 17}" font-size="13" font-style="italic" fill="#666">{later}</text>')
    return ''.join(parts), y + 36 - top


def main():
    numbers = module_numbers(HERE.parents[1] / 'nbs')
    floors, top = '', 14
    for floor, (what, colour, later) in FLOORS.items():
        modules = sorted(
            (number, name)
            for name, number in numbers.items()
            if number // 10 == floor and not name.startswith('tests.')
        )
        names = list(
            dict.fromkeys(
                'providers/…' if name.startswith('providers.') else name.split('.')[-1] for _, name in modules
            )
        )
        inside, height = boxes(names, later, top)
        floors += (
            f'<rect x="10" y="{top}" width="960" height="{height}" rx="6" fill="{colour}" stroke="#888"/><text x="26" y="{top + height / 2 + 8:.0f}" font-size="24" font-weight="bold" fill="#333">{floor}</text>'
            f'<text x="52" y="{top + height / 2 + 6:.0f}" font-size="15" fill="#333">{what}</text>{inside}'
        )
        top += height + 8
    (HERE / 'floors.svg').write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 {top + 30}" font-family="Helvetica, Arial, sans-serif"><rect width="980" height="{top + 30}" fill="white"/>{floors}'
        f'<text x="490" y="{top + 14}" font-size="14" text-anchor="middle" fill="#444">{TEXT}</text></svg>\n'
    )


if __name__ == '__main__':
    main()
