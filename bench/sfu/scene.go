//go:build linux

package main

import "fmt"

// scene is one case: who is in the room, and what they send.
type scene struct {
	Name string `json:"name"`
	// Voices and Cameras publish one stream each.
	Voices  int    `json:"voices"`
	Cameras []film `json:"-"`
	// Talking is how many of the voices talk at a time, taking turns; the others send silence. 0: all talk.
	Talking int `json:"talking,omitempty"`
	// Readers only receive. With All those who publish receive, too.
	Readers int  `json:"readers"`
	All     bool `json:"all,omitempty"`
	// Mics is how many microphone slots Souffleur's downlinks have; 0: the default.
	Mics int `json:"mics,omitempty"`
	// People is what the processor time is scaled to, for the "cores" column of a room that a generator on one core cannot
	// fill; 0: not scaled.
	People int `json:"people,omitempty"`
}

func films(n int, f film) []film {
	list := make([]film, n)
	for i := range list {
		list[i] = f
	}
	return list
}

// sets of scenes, by name.
var sets = map[string][]scene{
	"main": {
		{Name: "10 audio x 50", Voices: 10, Readers: 50, Mics: 10},
		{Name: "1 video x 100", Cameras: films(1, camera), Readers: 100},
		{Name: "6 video x 6", Cameras: films(6, camera), All: true},
		{Name: "3 loudest of 150", Voices: 150, Talking: 3, All: true},
	},
	"beside": { // the cases that were measured side by side with other servers
		{Name: "3 audio x 50", Voices: 3, Readers: 50},
		{Name: "1 video x 40", Cameras: films(1, camera), Readers: 40},
		{Name: "2 video x 50", Cameras: films(2, camera), Readers: 50},
		{Name: "10 audio x 30", Voices: 10, Readers: 30, Mics: 10},
	},
	"growth": {
		growth(25), growth(50), growth(100),
	},
	"room": { // what each of 150 people gets: three voices, a main tile, eight thumbnails
		{Name: "room of 150 (40)", Voices: 3, Cameras: append(films(1, mainTile), films(8, thumbnail)...), Readers: 40, People: 150},
	},
}

func growth(readers int) scene {
	return scene{Name: fmt.Sprintf("2 audio, 1 video x %d", readers), Voices: 2, Cameras: films(1, camera), Readers: readers}
}

// setNames in the order in which they are measured.
var setNames = []string{"main", "beside", "growth", "room"}

// bare returns the scene that a server can play that forwards everything to everybody: only those publish who talk.
func (s scene) bare() scene {
	if s.Talking > 0 {
		s.Readers += s.Voices - s.Talking
		s.Voices, s.Talking = s.Talking, 0
	}
	return s
}
