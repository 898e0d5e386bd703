// SPDX-License-Identifier: Apache-2.0
// Line icons, 20 by 20. Beside a text they are decoration and hidden from screen readers.
const paths = {
    webhook: 'M7.5 8.5a3 3 0 1 1 4.6 2.5l1.9 3.5M9.5 10.8 7.4 14.500M5.500 16a2 2 0 1 1 1-3.700M6 15h7.500M14.500 16.500a2 2 0 1 0-1-3.700',
    logs: 'M4 5h12M4 10h12M4 15h7',
    code: 'm7 6-4 4 4 4m6-8 4 4-4 4',
    people: 'M7.500 9a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM3 16c0-2.500 2-4 4.500-4s4.500 1.500 4.500 4M13 9a2 2 0 1 0 0-4M14 12c2 .3 3.200 1.700 3.200 4',
    gear: 'M10 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM10 3v2m0 10v2m7-7h-2M5 10H3m11.900-4.900-1.400 1.400m-7 7-1.400 1.400m9.800 0-1.400-1.400m-7-7L5.100 5.100',
    pulse: 'M3 10h3l2-5 4 10 2-5h3',
    grid: 'M4 4h5v5H4zM11 4h5v5h-5zM4 11h5v5H4zM11 11h5v5h-5z',
    plus: 'M10 4v12M4 10h12',
    search: 'M9 14A5 5 0 1 0 9 4a5 5 0 0 0 0 10Zm3.500-1.500L16 16',
    close: 'm5 5 10 10M15 5 5 15',
    down: 'm6 8 4 4 4-4',
    right: 'm8 6 4 4-4 4',
    left: 'm12 6-4 4 4 4',
    menu: 'M3 6h14M3 10h14M3 14h14',
    sun: 'M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0-10v1.500m0 11V17m7-7h-1.500m-11 0H3m11.900-4.900-1 1m-7.800 7.800-1 1m9.800 0-1-1M6.100 6.100l-1-1',
    moon: 'M16 12.200A6.500 6.500 0 0 1 7.800 4 6.500 6.500 0 1 0 16 12.200Z',
    auto: 'M10 3.500a6.500 6.500 0 1 0 0 13zM10 3.500a6.500 6.500 0 0 1 0 13',
    copy: 'M7 7h9v9H7zM4 13V4h9',
    replay: 'M4 10a6 6 0 1 1 1.800 4.300M4 16v-3.500h3.500',
    eye: 'M2.500 10S5.500 5 10 5s7.500 5 7.500 5-3 5-7.500 5-7.500-5-7.500-5ZM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
    check: 'm4.500 10.500 3.500 3.500 7.500-8',
    warn: 'M10 4 2.800 16.500h14.400zM10 9v3.500m0 2v.1',
    send: 'M17 3 9 11m8-8-5 14-3-6-6-3z',
    trash: 'M4 6h12M8 6V4h4v2M6 6l.7 10h6.600L14 6',
    edit: 'm4 16 .7-3L13 4.700l2.300 2.300L7 15.300z',
    out: 'M8 4H4v12h4M8 10h9m-3-3 3 3-3 3',
    flow: 'M4 4h5v4H4zM11 12h5v4h-5zM6.500 8v6H11',
    braces: 'M8 4H7a2 2 0 0 0-2 2v2.500L3.500 10 5 11.500V14a2 2 0 0 0 2 2h1m4-12h1a2 2 0 0 1 2 2v2.500l1.500 1.500-1.500 1.500V14a2 2 0 0 1-2 2h-1',
    tag: 'M3.500 3.500h6l7 7-6 6-7-7zM7 7v.1',
    mail: 'M3 5h14v10H3zm0 .500 7 5.500 7-5.500',
    branch: 'M10 3v4m0 0-5 4v6m5-10 5 4v6',
    up: 'm6 12 4-4 4 4',
    move: 'M10 3v14M3 10h14M8 5l2-2 2 2M8 15l2 2 2-2M5 8l-2 2 2 2M15 8l2 2-2 2',
    play: 'm6 4 10 6-10 6z',
    clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm0-11v4l2.500 2',
    box: 'M4 7v8h12V7M3 4h14v3H3zM8 10h4',
};

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
    return (
        <svg class="icon" width={size} height={size} viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
            <path d={paths[name]} />
        </svg>
    );
}
