package sshclient

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// call is what the command line asks for.
type call struct {
	network      string // tcp, tcp4 or tcp6
	user         string
	host         string
	port         string
	command      string
	sendProtocol bool // pass GIT_PROTOCOL on
	probe        bool // -G: only say that the flags are known
}

// parse reads ssh's command line. A flag that is not known is an error: it
// might have been the one that keeps the connection safe.
func parse(args []string) (call, error) {
	c := call{network: "tcp", user: "git", port: "22"}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag, value := args[0], ""
		args = args[1:]
		if flag == "--" {
			break
		}
		if strings.HasPrefix(flag, "-p") || strings.HasPrefix(flag, "-o") {
			if value = flag[2:]; value == "" {
				if len(args) == 0 {
					return call{}, fmt.Errorf("%s needs a value", flag)
				}
				value, args = args[0], args[1:]
			}
			flag = flag[:2]
		}
		if err := c.set(flag, value); err != nil {
			return call{}, err
		}
	}
	if c.probe {
		return c, nil
	}
	if len(args) < 2 || args[0] == "" {
		return call{}, errors.New("usage: repoint ssh [-4|-6] [-p PORT] [-o OPTION] [USER@]HOST COMMAND")
	}
	c.host, c.command = args[0], strings.Join(args[1:], " ")
	if at := strings.LastIndexByte(c.host, '@'); at >= 0 {
		c.user, c.host = c.host[:at], c.host[at+1:]
	}
	c.host = strings.TrimSuffix(strings.TrimPrefix(c.host, "["), "]")
	return c, nil
}

func (c *call) set(flag, value string) error {
	switch flag {
	case "-4":
		c.network = "tcp4"
	case "-6":
		c.network = "tcp6"
	case "-G":
		c.probe = true
	case "-p":
		if port, err := strconv.ParseUint(value, 10, 16); err != nil || port == 0 {
			return fmt.Errorf("-p %q is not a port", value)
		}
		c.port = value
	case "-o":
		if value != "SendEnv=GIT_PROTOCOL" && value != "BatchMode=yes" {
			return fmt.Errorf("-o %q is not known", value)
		}
		c.sendProtocol = c.sendProtocol || value == "SendEnv=GIT_PROTOCOL"
	default:
		return fmt.Errorf("%q is not known", flag)
	}
	return nil
}
