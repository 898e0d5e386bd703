// SPDX-License-Identifier: Apache-2.0
// A name server for one test: answer(name, type, n) returns the addresses ([] = none) for query n of that name and type.
import dgram from 'node:dgram';
import net from 'node:net';

function readName(packet, at) {
    const labels = [];
    while (packet[at]) {
        labels.push(packet.toString('latin1', at + 1, at + 1 + packet[at]));
        at += packet[at] + 1;
    }
    return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function addressBytes(address) {
    if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
    const [head, tail] = address.split('::').map((half) => (half ? half.split(':') : []));
    const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
    return Buffer.from(groups.flatMap((g) => [parseInt(g, 16) >> 8, parseInt(g, 16) & 255]));
}

export async function nameServer(t, answer, { ttl = 0 } = {}) {
    const socket = dgram.createSocket('udp4');
    const queries = [];
    const seen = new Map();
    socket.on('message', (packet, from) => {
        const { name, end } = readName(packet, 12);
        const type = { 1: 'A', 28: 'AAAA' }[packet.readUInt16BE(end)] ?? 'other';
        const n = seen.get(name + type) ?? 0;
        seen.set(name + type, n + 1);
        queries.push({ name, type, n });
        const addresses = type === 'other' ? [] : answer(name, type, n);
        const header = Buffer.from(packet.subarray(0, 12));
        header.writeUInt16BE(0x8180, 2);
        header.writeUInt16BE(1, 4);
        header.writeUInt16BE(addresses.length, 6);
        header.writeUInt32BE(0, 8);
        const records = addresses.map((address) => {
            const bytes = addressBytes(address);
            const record = Buffer.alloc(12);
            record.writeUInt16BE(0xc00c, 0);
            record.writeUInt16BE(type === 'A' ? 1 : 28, 2);
            record.writeUInt16BE(1, 4);
            record.writeUInt32BE(ttl, 6);
            record.writeUInt16BE(bytes.length, 10);
            return Buffer.concat([record, bytes]);
        });
        socket.send(Buffer.concat([header, packet.subarray(12, end + 4), ...records]), from.port, from.address);
    });
    await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
    t.after(() => socket.close());
    return { address: `127.0.0.1:${socket.address().port}`, queries };
}
