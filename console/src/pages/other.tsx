// SPDX-License-Identifier: Apache-2.0
// Pages for when there is none.
import { Alone } from '../shell';
import { Card, Empty, Head } from '../ui/basic';

export function NotFound() {
    return (
        <>
            <Head title="Not here" />
            <Card>
                <Empty title="There is no such page.">
                    <p>The address may be mistyped, or what it showed was removed.</p>
                </Empty>
            </Card>
        </>
    );
}

export function OnlyLook() {
    return (
        <>
            <Head title="Not allowed" />
            <Card>
                <Empty title="You may look here, but not change anything.">
                    <p>To change it, ask whoever gave you access for more rights.</p>
                </Empty>
            </Card>
        </>
    );
}

export function PortalOver() {
    return (
        <Alone>
            <main class="card">
                <div class="card-body stack">
                    <h1>This page needs a new link</h1>
                    <p>Links to the webhook portal work once, and the visit they begin ends after a while. Go back to the application that you came from and open the webhook settings there again.</p>
                </div>
            </main>
        </Alone>
    );
}
