package web

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Paging is the part of a list that is asked for. Operations that list things embed it, which the library that reads requests
// asks to be exported. Lists begin with the newest, so what is new while somebody turns pages moves nothing of what follows.
type Paging struct {
	After string `query:"after" maxLength:"128" doc:"The answer's next, for what follows"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"100" doc:"Entries in the answer"`
}

// neverEmpty are parameters that are refused when they are empty ("?limit="): the library that reads requests takes them for
// absent, and whoever wrote them meant something.
var neverEmpty = []string{"limit", "from", "to"}

func refuseEmpty(c *gin.Context) {
	for _, name := range neverEmpty {
		if value, given := c.GetQuery(name); given && value == "" {
			writeProblem(c, problem(http.StatusUnprocessableEntity, "bad-request", name+" is empty. Give it a value, or leave it out."))
			return
		}
	}
	c.Next()
}

// errBadCursor is the answer to an after that no answer gave as next.
func errBadCursor() error {
	return problem(http.StatusUnprocessableEntity, "bad-cursor", "Send as after what the last answer had as next, or nothing to begin with the newest.")
}

// roomCursor is where a list of rooms goes on: after the room that was the last.
type roomCursor struct {
	createdUnixMS int64
	id            meeting.RoomID
}

func cursorOf(r *storage.Room) roomCursor { return roomCursor{r.CreatedUnixMS, r.ID} }

// encode returns the cursor as a word that shows nothing and fits into an address.
func (c roomCursor) encode() string {
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, uint64(c.createdUnixMS)), c.id...))
}

func parseRoomCursor(s string) (roomCursor, error) {
	const clock = 8
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < clock {
		return roomCursor{}, errBadCursor()
	}
	c := roomCursor{int64(binary.BigEndian.Uint64(b)), meeting.RoomID(b[clock:])}
	if !c.id.Valid() {
		return roomCursor{}, errBadCursor()
	}
	return c, nil
}

// compare orders rooms from the newest to the oldest; those of one millisecond by ID.
func (c roomCursor) compare(other roomCursor) int {
	switch {
	case c.createdUnixMS > other.createdUnixMS, c.createdUnixMS == other.createdUnixMS && c.id < other.id:
		return -1
	case c == other:
		return 0
	}
	return 1
}

// pageOfRooms returns the part of rooms that is asked for, and the cursor for what follows; "" if nothing does.
func pageOfRooms(rooms []storage.Room, p Paging) (page []storage.Room, next string, err error) {
	slices.SortFunc(rooms, func(a, b storage.Room) int { return cursorOf(&a).compare(cursorOf(&b)) })
	if p.After != "" {
		after, err := parseRoomCursor(p.After)
		if err != nil {
			return nil, "", err
		}
		rooms = slices.DeleteFunc(rooms, func(r storage.Room) bool { return cursorOf(&r).compare(after) <= 0 })
	}
	if len(rooms) <= p.Limit {
		return rooms, "", nil
	}
	return rooms[:p.Limit], cursorOf(&rooms[p.Limit-1]).encode(), nil
}

// meetingsAfter returns the newest first, from the one after a cursor on.
func meetingsAfter(ids []meeting.ID, after string) ([]meeting.ID, error) {
	slices.SortFunc(ids, func(a, b meeting.ID) int { return strings.Compare(string(b), string(a)) }) // ULIDs sort by time
	if after == "" {
		return ids, nil
	}
	last := meeting.ID(after)
	if !last.Valid() {
		return nil, errBadCursor()
	}
	return slices.DeleteFunc(ids, func(id meeting.ID) bool { return id >= last }), nil
}
