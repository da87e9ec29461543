//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is one scene with the figures of all rounds.
type row struct {
	Scene     scene     `json:"scene"`
	Bare      []result  `json:"bare"`
	Souffleur []result  `json:"souffleur"`
	Ratios    []float64 `json:"ratios"` // Souffleur's processor time for a packet to that of the bare fan-out in the same round
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// middle returns the median of each figure over the rounds; what was lost is added up.
func middle(rounds []result) result {
	var m result
	fields := reflect.ValueOf(&m).Elem()
	for i := range fields.NumField() {
		var values []float64
		sum := 0
		for _, r := range rounds {
			switch f := reflect.ValueOf(r).Field(i); f.Kind() {
			case reflect.Float64:
				values = append(values, f.Float())
			case reflect.Int:
				sum += int(f.Int())
			}
		}
		if fields.Field(i).Kind() == reflect.Float64 {
			fields.Field(i).SetFloat(median(values))
		} else {
			fields.Field(i).SetInt(int64(sum))
		}
	}
	return m
}

func printTable(rows []row) error {
	fmt.Println(machine())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scene\tpackets/s\tbare us\tus\tratio\tcores\tp50\tp99 ms\tbare p99\tlost\tbad frames\tMB RSS\theap\tbare RSS\tjoin ms\tbare\tfirst video\tworst ms\t")
	for _, r := range rows {
		b, s := middle(r.Bare), middle(r.Souffleur)
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t%.2f\t%.2f\t%.1f\t%.1f\t%.1f\t%d\t%d of %d\t%.2f\t%.2f\t%.2f\t%.1f\t%.1f\t%.0f\t%.0f\t\n",
			r.Scene.Name, s.PacketsPerSecond, b.MicrosPerPacket, s.MicrosPerPacket, median(r.Ratios), s.Cores, s.P50, s.P99, b.P99, s.Lost,
			s.Undecodable, s.Frames, s.RSSPerReceiver, s.HeapPerReceiver, b.RSSPerReceiver, s.JoinCPU, b.JoinCPU, s.FirstVideo, s.FirstVideoMax)
	}
	return w.Flush()
}

// machine says where and with what the figures were taken.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
			}
		}
	}
	pion := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/pion/webrtc/v4" {
				pion = ", pion/webrtc " + d.Version
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s%s", model, runtime.NumCPU(), runtime.Version(), pion)
}

// report is the JSON file.
type report struct {
	Machine string  `json:"machine"`
	Seconds float64 `json:"seconds"`
	Rows    []row   `json:"rows"`
}

func save(o options, rows []row) error {
	if o.jsonFile == "" {
		return nil
	}
	b, err := json.MarshalIndent(report{Machine: machine(), Seconds: o.length.Seconds(), Rows: rows}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.jsonFile, b, 0o644)
}
