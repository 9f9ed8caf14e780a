package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/net/publicsuffix"

	"wildcard/internal/messages"
)

// noticeFiles says which names may be those of files that a shell put in the place of an unquoted star. They may be meant all the
// same, so that it is no error.
func noticeFiles(p *program, c *cli.Context) {
	names := c.Args().Slice()
	if c.Bool("quiet") || !slices.ContainsFunc(names, isFile) {
		return
	}
	folder, err := os.Open(".")
	if err != nil {
		return
	}
	defer folder.Close()
	files, _ := folder.Readdirnames(-1) // those that could be read
	for {
		star, found := expanded(names, files)
		if star == "" {
			return
		}
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(found, name) })
		slices.Sort(found)
		notice := messages.New("these names are those of files in this folder: %s. If %s was meant, quote it, as the shell replaces it otherwise: '%s'",
			strings.Join(found, " "), star, star)
		_, _ = p.lines.Write([]byte("wildcard: " + messages.OneLine(notice.In(p.language)) + "\n"))
	}
}

// isFile reports whether a name is that of something in the working directory.
func isFile(name string) bool {
	if strings.Contains(name, "/") {
		return false
	}
	_, err := os.Lstat(name)
	return err == nil
}

// expanded finds the wildcard of the most names in whose place a shell would have put just files that are among the names, and these;
// "" if there is none. A shell's star stands for dots, too, but not for one at the beginning of a file's name.
func expanded(names, files []string) (star string, found []string) {
	for _, name := range names {
		if !slices.Contains(files, name) {
			continue
		}
		for _, parent, more := strings.Cut(name, "."); more; _, parent, more = strings.Cut(parent, ".") {
			suffix, public := publicsuffix.PublicSuffix(parent)
			if suffix == parent && (public || !strings.Contains(parent, ".")) {
				break // no CA has a certificate for all of it
			}
			var matching []string
			for _, file := range files {
				if strings.HasSuffix(file, "."+parent) && !strings.HasPrefix(file, ".") {
					matching = append(matching, file)
				}
			}
			all := !slices.ContainsFunc(matching, func(file string) bool { return !slices.Contains(names, file) })
			if all && len(matching) > len(found) && !slices.Contains(names, "*."+parent) {
				star, found = "*."+parent, matching
			}
		}
	}
	return star, found
}
