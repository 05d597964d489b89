/** Every machine, by the name of its definition's file. */
export const machineNames = ['backup', 'keep-snapshot', 'restore', 'replicate', 'clean-up'] as const;
export type MachineName = (typeof machineNames)[number];
