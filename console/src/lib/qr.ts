// SPDX-License-Identifier: Apache-2.0
// A QR code of a short text: byte mode, error correction L, versions 1 to 10 (at most 271 bytes). ISO/IEC 18004.

// By version, from 1: all codewords, those for correction in each block, the number of blocks.
const TOTAL = [26, 44, 70, 100, 134, 172, 196, 242, 292, 346];
const CHECK = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4];
const ALIGNMENT = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];
const FORMAT_L_MASK_0 = 0x77c4; // level L, mask 0, with its check bits

// Multiplication in GF(256) with the polynomial 0x11d.
function multiply(a: number, b: number): number {
    let out = 0;
    for (let i = 7; i >= 0; i--) {
        out = (out << 1) ^ ((out >>> 7) * 0x11d);
        out ^= ((b >>> i) & 1) * a;
    }
    return out;
}

function generator(degree: number): number[] {
    const out = [...Array<number>(degree - 1).fill(0), 1];
    let root = 1;
    for (let i = 0; i < degree; i++) {
        for (let j = 0; j < degree; j++) out[j] = multiply(out[j]!, root) ^ (out[j + 1] ?? 0);
        root = multiply(root, 2);
    }
    return out;
}

function correction(data: number[], divisor: number[]): number[] {
    const out = divisor.map(() => 0);
    for (const byte of data) {
        const factor = byte ^ out.shift()!;
        out.push(0);
        divisor.forEach((d, i) => (out[i]! ^= multiply(d, factor)));
    }
    return out;
}

function dataCodewords(bytes: Uint8Array, version: number): number[] {
    const capacity = TOTAL[version - 1]! - CHECK[version - 1]! * BLOCKS[version - 1]!;
    const bits: number[] = [];
    const add = (v: number, n: number) => {
        for (let i = n - 1; i >= 0; i--) bits.push((v >>> i) & 1);
    };
    add(4, 4);
    add(bytes.length, version < 10 ? 8 : 16);
    for (const b of bytes) add(b, 8);
    add(0, Math.min(4, capacity * 8 - bits.length));
    add(0, (8 - (bits.length % 8)) % 8);
    const out: number[] = [];
    for (let i = 0; i < bits.length; i += 8) out.push(bits.slice(i, i + 8).reduce((v, b) => v * 2 + b, 0));
    for (let pad = 0xec; out.length < capacity; pad ^= 0xec ^ 0x11) out.push(pad);
    return out;
}

// The blocks' codewords in turns, then their corrections; shorter blocks come first.
function interleave(data: number[], version: number): number[] {
    const count = BLOCKS[version - 1]!;
    const divisor = generator(CHECK[version - 1]!);
    const short = Math.floor(data.length / count);
    const shorts = count - (data.length % count);
    const blocks: number[][] = [];
    for (let i = 0, at = 0; i < count; i++) {
        const n = short + (i < shorts ? 0 : 1);
        blocks.push(data.slice(at, at + n));
        at += n;
    }
    const checks = blocks.map((b) => correction(b, divisor));
    const out: number[] = [];
    for (let i = 0; i <= short; i++) for (const b of blocks) if (i < b.length) out.push(b[i]!);
    for (let i = 0; i < divisor.length; i++) for (const c of checks) out.push(c[i]!);
    return out;
}

class Grid {
    readonly size: number;
    readonly dark: boolean[][];
    private readonly fixed: boolean[][];

    constructor(private readonly version: number) {
        this.size = version * 4 + 17;
        this.dark = Array.from({ length: this.size }, () => Array<boolean>(this.size).fill(false));
        this.fixed = Array.from({ length: this.size }, () => Array<boolean>(this.size).fill(false));
    }

    private set(x: number, y: number, on: boolean): void {
        if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
        this.dark[y]![x] = on;
        this.fixed[y]![x] = true;
    }

    // Rings around a point: dark where the distance is not in `light`.
    private rings(cx: number, cy: number, reach: number, light: number[]): void {
        for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) this.set(cx + dx, cy + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }

    patterns(): void {
        const last = this.size - 4;
        for (let i = 0; i < this.size; i++) {
            this.set(6, i, i % 2 === 0);
            this.set(i, 6, i % 2 === 0);
        }
        for (const [x, y] of [[3, 3], [last, 3], [3, last]] as const) this.rings(x, y, 4, [2, 4]);
        const at = ALIGNMENT[this.version - 1]!;
        const end = at.length - 1;
        at.forEach((y, i) => at.forEach((x, j) => ((i === 0 && j === 0) || (i === 0 && j === end) || (i === end && j === 0) ? undefined : this.rings(x, y, 2, [1]))));
        this.format();
        this.versionBits();
    }

    private format(): void {
        const bit = (i: number) => ((FORMAT_L_MASK_0 >>> i) & 1) === 1;
        for (let i = 0; i < 6; i++) this.set(8, i, bit(i));
        this.set(8, 7, bit(6));
        this.set(8, 8, bit(7));
        this.set(7, 8, bit(8));
        for (let i = 9; i < 15; i++) this.set(14 - i, 8, bit(i));
        for (let i = 0; i < 8; i++) this.set(this.size - 1 - i, 8, bit(i));
        for (let i = 8; i < 15; i++) this.set(8, this.size - 15 + i, bit(i));
        this.set(8, this.size - 8, true);
    }

    private versionBits(): void {
        if (this.version < 7) return;
        let rest = this.version;
        for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
        const bits = (this.version << 12) | rest;
        for (let i = 0; i < 18; i++) {
            const on = ((bits >>> i) & 1) === 1;
            const a = this.size - 11 + (i % 3);
            const b = Math.floor(i / 3);
            this.set(a, b, on);
            this.set(b, a, on);
        }
    }

    // In pairs of columns from the right, up and down; with mask 0.
    fill(codewords: number[]): void {
        let i = 0;
        for (let right = this.size - 1; right >= 1; right -= 2) {
            if (right === 6) right = 5;
            for (let step = 0; step < this.size; step++) {
                for (const x of [right, right - 1]) {
                    const up = ((right + 1) & 2) === 0;
                    const y = up ? this.size - 1 - step : step;
                    if (this.fixed[y]![x]) continue;
                    const on = i < codewords.length * 8 && ((codewords[i >>> 3]! >>> (7 - (i & 7))) & 1) === 1;
                    this.dark[y]![x] = on !== ((x + y) % 2 === 0);
                    i++;
                }
            }
        }
    }
}

// Rows of modules, true is dark; null: the text is too long.
export function qrCode(text: string): boolean[][] | null {
    const bytes = new TextEncoder().encode(text);
    for (let version = 1; version <= 10; version++) {
        const capacity = TOTAL[version - 1]! - CHECK[version - 1]! * BLOCKS[version - 1]!;
        if (bytes.length + (version < 10 ? 2 : 3) > capacity) continue;
        const grid = new Grid(version);
        grid.patterns();
        grid.fill(interleave(dataCodewords(bytes, version), version));
        return grid.dark;
    }
    return null;
}
