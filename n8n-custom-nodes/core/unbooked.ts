/**
 * Answers that were sent, and whose entries are on their way into the ledger. When n8n ends before they
 * are there (a restart cuts what runs longer than its grace), they go to the spool instead.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { ChatItem } from './chat';
import { OPEN_FILE, spoolFolder } from './spool';

/** Longer than Log Cost can take: what is older belongs to a flow that does not log. */
const PATIENCE_MS = 60_000;

const waiting = new Map<string, { item: ChatItem; since: number }>();

/** The caller has this answer; its entry is to follow. */
export function awaitEntry(item: ChatItem): void {
	const now = Date.now();
	for (const [requestId, { since }] of waiting) {
		// In order of time: the first that is young enough ends the search.
		if (now - since < PATIENCE_MS) break;
		waiting.delete(requestId);
	}
	waiting.set(item.request_id, { item, since: now });
}

/** The entry is in the ledger or in the spool. */
export function entryIsSafe(requestId: string): void {
	waiting.delete(requestId);
}

/** Writes the entries that are still waiting to the spool; nothing but synchronous calls work while a process ends. */
export function spoolWaiting(entriesOf: (item: ChatItem) => object[]): void {
	const now = Date.now();
	const items = [...waiting.values()].filter(({ since }) => now - since < PATIENCE_MS).map(({ item }) => item);
	waiting.clear();
	if (items.length === 0) return;
	const folder = spoolFolder();
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const lines = items.flatMap(entriesOf).map((entry) => `${JSON.stringify(entry)}\n`).join('');
	appendFileSync(join(folder, OPEN_FILE), lines, { mode: 0o600 });
}
