// SPDX-License-Identifier: Apache-2.0
// A card of the flow: folded a line, unfolded its form.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { Icon, type IconName } from '../ui/icons';

interface Props {
    icon: IconName;
    label: string; // "Trigger", "Step 2"
    title: string;
    line: string;
    open: boolean;
    onToggle: () => void;
    bad?: boolean;
    actions?: ComponentChildren;
    children: ComponentChildren;
}

export function StepCard({ icon, label, title, line, open, onToggle, bad, actions, children }: Props) {
    const id = useId();
    return (
        <section class={`flow-card${open ? ' open' : ''}${bad ? ' bad' : ''}`} aria-label={`${label}: ${title}`}>
            <div class="flow-head">
                <button type="button" class="flow-toggle" aria-expanded={open} aria-controls={id} onClick={onToggle}>
                    <span class="flow-icon">
                        <Icon name={icon} />
                    </span>
                    <span class="flow-words">
                        <span class="flow-label">{label}</span>
                        <strong>{title}</strong>
                        {!open && line && <span class="flow-line">{line}</span>}
                    </span>
                    {bad && (
                        <span class="flow-bad">
                            <Icon name="warn" size={16} />
                            <span class="unseen">needs a look</span>
                        </span>
                    )}
                </button>
                {actions && <div class="flow-actions">{actions}</div>}
            </div>
            <div id={id} class="flow-body" hidden={!open}>
                {open && children}
            </div>
        </section>
    );
}
