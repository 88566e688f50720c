"""Draw wings.svg, the README's picture of the wings, from the folders of the notebooks: python .github/images/wings.py"""

from pathlib import Path

from tradelab.utils.nb_export import PURE_WINGS, WINGS, module_places

HERE = Path(__file__).parent
LINES = {
    'ground': 'errors, settings, logs, compiled code, Postgres',
    'data': 'bars as delivered, checked, stored, adjusted on reading',
    'providers': 'Yahoo, Alpaca, files and the sample become one Delivery',
    'engine': 'closes → votes → signals → orders → fills',
    'research': 'figures, significance, stress, sweep, walk-forward',
    'models': 'features, network, artifact, honest evaluation',
    'audit': 'nothing looks ahead',
    'records': 'what ran, was tried, was opened',
    'serving': 'which model serves, and why',
    'trading': 'accounts, their states, one writer each',
    'reporting': 'sentences, tables, plots, pages',
    'jobs': 'run notebooks side by side',
    'cli': 'one thin command per call',
    'lab': 'the front door: from tradelab import Lab',
}
WIDTH, LEFT = 1000, 330


def boxes(names, top):
    "SVG of one wing's modules from `top` on, and the height they take"
    x, y, parts = LEFT, top + 8, []
    for name in names:
        width = 16 + 7.4 * len(name)
        if x + width > WIDTH - 20:
            x, y = LEFT, y + 30
        parts.append(
            f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="24" rx="4" fill="white" stroke="#999"/>'
            f'<text x="{x + width / 2:.0f}" y="{y + 16}" font-size="12" text-anchor="middle" '
            f'font-family="monospace" fill="#222">{name}</text>'
        )
        x += width + 6
    return ''.join(parts), max(y + 32 - top, 44)


def main():
    places, body, top = module_places(HERE.parents[1] / 'nbs'), '', 12
    for wing in WINGS:
        rooms = sorted((number, name.split('.')[-1]) for name, (folder, number) in places.items() if folder == wing)
        shapes, height = boxes([name for _, name in rooms], top)
        colour = '#dae8fc' if wing in PURE_WINGS else '#f4f1ea'
        body += (
            f'<rect x="10" y="{top}" width="{WIDTH - 20}" height="{height}" rx="6" fill="{colour}"/>'
            f'<text x="24" y="{top + 18}" font-size="15" font-weight="bold" fill="#222">{wing}</text>'
            f'<text x="24" y="{top + 35}" font-size="11" fill="#555">{LINES[wing]}</text>{shapes}'
        )
        top += height + 6
    note = 'Reading order from top to bottom: a module imports only from above. Blue wings are pure: no clock, file, network or database.'
    body += f'<text x="24" y="{top + 16}" font-size="12" fill="#555">{note}</text>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 30}" font-family="sans-serif">'
    (HERE / 'wings.svg').write_text(f'{head}<rect width="100%" height="100%" fill="white"/>{body}</svg>\n')


if __name__ == '__main__':
    main()
