// SPDX-License-Identifier: Apache-2.0
// Stands between a client and the program and notes what was asked and how it was answered: [{method, path, status}].
import http from 'node:http';

export async function recorder(t, port) {
    const seen = [];
    const agent = new http.Agent({ keepAlive: true });
    const server = http.createServer((request, response) => {
        const { method, url, headers } = request;
        const on = http.request({ host: '127.0.0.1', port, method, path: url, headers, agent }, (answer) => {
            seen.push({ method, path: url.split('?')[0], status: answer.statusCode });
            response.writeHead(answer.statusCode, answer.headers);
            answer.pipe(response);
        });
        on.on('error', () => response.destroy());
        request.pipe(on);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
        server.closeAllConnections();
        server.close();
        agent.destroy();
    });
    return { seen, url: `http://127.0.0.1:${server.address().port}` };
}
