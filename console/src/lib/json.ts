// SPDX-License-Identifier: Apache-2.0
export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue };
