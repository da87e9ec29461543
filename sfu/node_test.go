package sfu_test

import (
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
)

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for field, change := range map[string]func(*sfu.Config){
		"UDPPort":      func(c *sfu.Config) { c.UDPPort = 70000 },
		"SocketBuffer": func(c *sfu.Config) { c.SocketBuffer = -1 },
		"example.org":  func(c *sfu.Config) { c.PublicIPs = []string{"example.org"} },
		"10.0.0":       func(c *sfu.Config) { c.Addresses = []string{"10.0.0"} },
	} {
		config := sfu.DefaultConfig()
		if err := config.Validate(); err != nil {
			t.Fatalf("the default is wrong: %v", err)
		}
		change(&config)
		if _, err := sfu.NewNode(config, testLog()); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("a bad %s gives %v", field, err)
		}
	}
}

func TestAddressThatIsNotHereIsRefused(t *testing.T) {
	config := sfu.DefaultConfig()
	config.UDPPort, config.Addresses = 0, []string{"192.0.2.1"}
	if _, err := sfu.NewNode(config, testLog()); err == nil || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("binding a foreign address gives %v", err)
	}
}

func TestPublicAddressIsToldInsteadOfTheLocalOne(t *testing.T) {
	config := sfu.DefaultConfig()
	config.UDPPort, config.Addresses, config.PublicIPs = 0, []string{"127.0.0.1"}, []string{"203.0.113.7"}
	node, err := sfu.NewNode(config, testLog())
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	book := &notebook{}
	room := node.NewRoom(sfu.RoomConfig{Meeting: meeting.NewID()})
	if _, err := room.Join(meeting.Person{Participant: "p1"}, book); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the downlink is offered", func() bool { return len(book.ofType(signal.Offer)) == 1 })
	offer := book.ofType(signal.Offer)[0].SDP
	if !strings.Contains(offer, "203.0.113.7") || strings.Contains(candidates(offer), "127.0.0.1") {
		t.Errorf("the offer:\n%s", offer)
	}
}

func TestRoomOfAClosedNodeIsClosed(t *testing.T) {
	config := sfu.DefaultConfig()
	config.UDPPort = 0
	node, err := sfu.NewNode(config, testLog())
	if err != nil {
		t.Fatal(err)
	}
	if node.UDPPort() == 0 {
		t.Error("the node has no port")
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := node.NewRoom(sfu.RoomConfig{}).Join(meeting.Person{Participant: "p1"}, &notebook{}); err == nil {
		t.Error("somebody joined a room of a closed node")
	}
}

// candidates returns the lines of an offer that say where to send.
func candidates(offer string) string {
	var lines []string
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "a=candidate:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
