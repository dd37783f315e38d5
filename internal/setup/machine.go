package setup

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What a full study takes: Go's caches, the plugin, JupyterLab and results.
const (
	diskWanted   = 4 << 30
	memoryWanted = 4 << 30
)

// machine reports what set-up cannot change.
func (s *Setup) machine() []Row {
	rows := []Row{{"disk", Status{State: Found}}, {"memory", Status{State: Found}}}
	if free, err := freeDisk(s.Project.Root); err != nil {
		rows[0].Status = Status{Weak, err.Error(), "look for yourself whether " + gigabytes(diskWanted) + " are free"}
	} else {
		rows[0].What = gigabytes(free) + " free in " + s.Project.Root
		if free < diskWanted {
			rows[0].State, rows[0].Help = Weak, "a first set-up with JupyterLab takes up to "+gigabytes(diskWanted)
		}
	}
	if total, available, err := memory(); err != nil {
		rows[1].What = "not known on this system"
	} else {
		rows[1].What = fmt.Sprintf("%s, %s available", gigabytes(total), gigabytes(available))
		if available < memoryWanted {
			rows[1].State, rows[1].Help = Weak, "the full study takes up to "+gigabytes(memoryWanted)
		}
	}
	return rows
}

func freeDisk(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("disk of %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// memory reads Linux's own account, in bytes.
func memory() (total, available uint64, err error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib uint64
		name, value, _ := strings.Cut(lines.Text(), ":")
		if _, err := fmt.Sscan(value, &kib); err != nil {
			continue
		}
		switch name {
		case "MemTotal":
			total = kib << 10
		case "MemAvailable":
			available = kib << 10
		}
	}
	return total, available, nil
}

func gigabytes(n uint64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }
