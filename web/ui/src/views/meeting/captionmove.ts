// Whether the reader is moving the captions at this moment: asked for in their dialog, done over the pictures.

import { Cell } from '../../core/cell';

export const movingCaptions = new Cell(false);
