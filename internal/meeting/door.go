package meeting

// Door is who may come into a meeting at this moment. Organizers and admins pass a locked door and the lobby, and so does
// everybody who has been in the meeting before; who was removed passes nothing.
type Door struct {
	Locked  bool       `json:"locked,omitempty"`  // nobody new comes in
	Lobby   bool       `json:"lobby,omitempty"`   // newcomers wait until an organizer admits them
	Removed []PersonID `json:"removed,omitempty"` // may not come back to this meeting, oldest first
}
