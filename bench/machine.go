package main

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// busyShare is the share of the machine above which a measurement counts as
// disturbed.
const busyShare = 0.05

// times are the machine's CPU times since its start, summed over processors,
// in ticks. All zero where there is no /proc/stat.
type times struct{ busy, all float64 }

// ticks is USER_HZ, which Linux fixes for programs on all its platforms that
// Go supports.
const ticks = 100

func machineTimes() times {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return times{}
	}
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	var t times
	// cpu user nice system idle iowait irq softirq steal …; guests are in user.
	for i, field := range strings.Fields(string(line)) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil || i > 8 {
			continue
		}
		t.all += v
		if i != 4 && i != 5 {
			t.busy += v
		}
	}
	return t
}

// othersSince is the share of the machine that was busy since before with
// something else than our own processor time; -1 if that is unknown.
func (t times) othersSince(before times, own time.Duration) float64 {
	if t.all <= before.all {
		return -1
	}
	return max(0, (t.busy-before.busy-ticks*own.Seconds())/(t.all-before.all))
}

// waitForQuiet waits until the machine is idle for a second, at most for 20.
func waitForQuiet(ctx context.Context) {
	for range 20 {
		before := machineTimes()
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		if machineTimes().othersSince(before, 0) < busyShare {
			return
		}
	}
}

// peakMB is the largest resident memory of a process that has ended.
func peakMB(p *os.ProcessState) float64 {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" { // counts bytes, Linux kilobytes
		return float64(u.Maxrss) / (1 << 20)
	}
	return float64(u.Maxrss) / (1 << 10)
}

// processor is the CPU's name.
func processor() string {
	raw, _ := os.ReadFile("/proc/cpuinfo") // absent on other systems
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}

// modules whose versions decide our numbers.
var modules = []string{"github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla", "gonum.org/v1/gonum"}

// ourVersions lists Go, with its experiments, and the modules in this program.
func ourVersions() map[string]string {
	out := map[string]string{"go": runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	for _, m := range info.Deps {
		for _, name := range modules {
			if m.Path == name {
				out[name] = m.Version
			}
		}
	}
	return out
}
