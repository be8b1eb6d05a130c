package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"repoint/deploy"
	"repoint/fleet"
	"repoint/internal/durable"
)

// joinAtOnce is how many of a process's agents join at the same time.
const joinAtOnce = 8

// runAgents is a process with some agents: child DIR FROM TO HUB TOKEN.
func runAgents(ctx context.Context, args []string) error {
	if len(args) != 5 {
		return errors.New("child DIR FROM TO HUB TOKEN")
	}
	from, err := strconv.Atoi(args[1])
	to, err2 := strconv.Atoi(args[2])
	text, err3 := os.ReadFile(args[4])
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	joinToken, err := fleet.ParseJoinToken(string(text))
	if err != nil {
		return err
	}
	var joining errgroup.Group
	joining.SetLimit(joinAtOnce)
	agents := make([]*fleet.Agent, to-from)
	for i := range agents {
		joining.Go(func() (err error) {
			agents[i], err = join(ctx, filepath.Join(args[0], strconv.Itoa(from+i)), from+i, args[3], joinToken)
			return err
		})
	}
	if err := joining.Wait(); err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	for _, agent := range agents {
		running.Go(func() error { return agent.Run(ctx) })
	}
	fmt.Println("joined")
	if err := running.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func join(ctx context.Context, apps string, number int, hub string, t fleet.JoinToken) (*fleet.Agent, error) {
	if err := os.MkdirAll(apps, 0o755); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("web-%d", number)
	if err := fleet.Join(ctx, durable.Disk{}, deploy.Env{}, apps, fleet.Identity{Name: name, Hub: hub}, nil, t); err != nil {
		return nil, err
	}
	config := filepath.Join(apps, t.App, deploy.ConfigFile)
	if err := os.WriteFile(config, []byte("[retention]\nmin_free = 0\n"), 0o644); err != nil {
		return nil, err
	}
	id, err := fleet.LoadIdentity(apps)
	if err != nil {
		return nil, err
	}
	login, err := id.Login()
	return &fleet.Agent{Name: name, Apps: apps, Login: login, Every: 30 * time.Second, Log: zerolog.Nop()}, err
}
