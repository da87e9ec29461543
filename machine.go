package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"souffleur/internal/disk"
	"souffleur/internal/models"
)

// thisMachine finds out what a recommendation of speech models depends on.
func thisMachine(langs []string) models.Machine {
	return models.Machine{Cores: runtime.NumCPU(), Memory: memory("/proc/meminfo"), GPU: hasGPU(), Langs: langs}
}

// memory reads the machine's memory, in bytes, from a file like /proc/meminfo; 0 if that is not there.
func memory(path string) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

const (
	// diskPeriod is how often serve looks how much room is left.
	diskPeriod = 5 * time.Second
	// diskAgain is how long serve says nothing more about a disk that stays full.
	diskAgain = time.Hour
)

// watchDisk tells the rooms and the log how much room the disk of the data folder has, until ctx ends.
func watchDisk(ctx context.Context, data string, show func(disk.Space), log *slog.Logger) {
	look := func() (disk.Space, error) {
		space, err := disk.Look(data)
		if err == nil {
			show(space)
		}
		return space, err
	}
	disk.Watch(ctx, diskPeriod, diskAgain, look, func(space disk.Space) {
		switch space.State() {
		case disk.Full:
			log.Error("the disk of the data folder is full: captions pause, what is said is not kept, no new meeting can begin. "+
				"Free some space; a restart is not needed", "space", space)
		case disk.Low:
			log.Warn("the disk of the data folder is nearly full: free some space before captions pause", "space", space)
		case disk.Enough:
			log.Info("the disk of the data folder has enough room again", "space", space)
		}
	})
}

// hasGPU says whether the kernel offers an accelerator that the engine has a build for: NVIDIA's, or AMD's.
func hasGPU() bool {
	for _, device := range []string{"/dev/nvidia0", "/dev/kfd"} {
		if _, err := os.Stat(device); err == nil {
			return true
		}
	}
	return false
}

// spokenInRooms asks the running server of a data folder which languages its rooms have set; none if no server runs.
func spokenInRooms(ctx context.Context, data string) []string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := (remoteFlags{Data: data}).connect()
	if err != nil {
		return nil
	}
	type spoken struct {
		Langs []string `json:"langs"`
	}
	rooms, err := listed[spoken](ctx, r, "rooms")
	if err != nil {
		return nil
	}
	var langs []string
	for _, room := range rooms {
		langs = append(langs, room.Langs...)
	}
	slices.Sort(langs)
	return slices.Compact(langs)
}

// describe says what was found, in one line.
func describe(m models.Machine) string {
	parts := []string{fmt.Sprintf("%d cores", m.Cores)}
	if m.Memory > 0 {
		parts = append(parts, fmt.Sprintf("%.0f GiB of memory", float64(m.Memory)/(1<<30)))
	}
	if m.GPU {
		parts = append(parts, "a GPU")
	}
	if len(m.Langs) > 0 {
		parts = append(parts, "rooms in "+strings.Join(m.Langs, ", "))
	}
	return fmt.Sprintf("%s, %s/%s", strings.Join(parts, ", "), runtime.GOOS, runtime.GOARCH)
}
