package sfu

import (
	"time"

	"souffleur/sfu/load"
)

// SetLoad plays a governor.
func (n *Node) SetLoad(s load.State) {
	n.noteLoad(load.Status{State: s, Since: time.Now()}, true)
}
