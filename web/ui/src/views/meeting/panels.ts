// What can stand beside the stage, and what the menu can ask for.

export type Panel = 'none' | 'people' | 'transcript' | 'chat';
export type Asked = 'invite' | 'devices' | 'captions' | 'speech' | 'sound' | 'retention' | 'end' | 'rules' | 'help';
