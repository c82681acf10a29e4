package main

// What the help says beyond commands and flags.

const appDescription = `One agent runs on every host. Agents find each other by gossip, share what runs where
and whether it is well, and answer DNS on the host itself: item-service.service.local
is the healthy instances, in an order weighted as they were registered. There are no
servers and there is no leader; a host that is cut off goes on answering. Clients of
Consul's HTTP API for discovery can use the agent's as it is.

` + "`covey agent`" + ` is the agent. All other commands talk to one, the one of this host unless
--http-addr or COVEY_HTTP_ADDR (host:port, http://..., unix:///path) says otherwise.
They print tables for people and, with --json, the same for scripts. Flags may stand
before or after the arguments.`

const exitCodesHelp = `0  done
1  failed
2  used wrongly: a bad flag or argument, or input that the agent refuses as invalid
3  not found: what was named does not exist, or the answer is empty
4  the agent cannot be reached`

const appExamples = `# One agent to try things on (^C ends it), and in another shell:
covey agent --dev
covey register --name item-service --port 8080 --check-http http://127.0.0.1:8080/health
covey lookup item-service
dig @127.0.0.1 -p 8600 SRV item-service.service.local

# A cluster: on every host the same key, and the address of one that is there already:
export COVEY_ENCRYPT=...    # once made by: covey keygen
covey agent --bind 10.0.0.2 --data-dir /var/lib/covey --retry-join 10.0.0.1
covey members`

const agentDescription = `Without a flag the agent binds to loopback, serves HTTP on 127.0.0.1:8500 and DNS on
127.0.0.1:8600, and works alone: register, look up. To find other hosts it needs an
address they can reach (--bind), a key they share (--encrypt), and one of them to begin
with (--retry-join). What was registered is kept in --data-dir: it survives a crash, and
after a restart DNS answers from the last known state at once.

Every flag stands for a key of the configuration, named as Consul names it where it has
one (--node is node_name, --http is addresses.http and ports.http, --join is start_join);
files hold those and services, checks and more. A flag wins over its variable, and both
over files. Flags marked ... may be repeated, or hold several values with commas between.
An unknown or contradictory key is an error that names file and key.

SIGINT or SIGTERM: leave the cluster, so that others drop this host's instances at once,
and stop; a second one stops without that. SIGHUP: bring the services and checks of
configuration files up to date. kill -9 loses nothing that was acknowledged.

EXAMPLES
covey agent --dev
covey agent --node web-1 --bind 10.0.0.2 --data-dir /var/lib/covey --retry-join 10.0.0.1
covey agent --config /etc/covey --log-format json

# Three agents on one machine, joined:
covey agent --node n1 --dev --bind 127.0.0.1 --http 127.0.0.1:8500 --dns 127.0.0.1:8600
covey agent --node n2 --dev --bind 127.0.0.2 --http 127.0.0.2:8500 --dns 127.0.0.2:8600 --join 127.0.0.1
covey agent --node n3 --dev --bind 127.0.0.3 --http 127.0.0.3:8500 --dns 127.0.0.3:8600 --join 127.0.0.1

# /etc/covey/web.hcl
node_name = "web-1"
retry_join = ["10.0.0.1"]
service {
  name    = "web"
  port    = 80
  weights { passing = 3 }
  check   { http = "http://127.0.0.1/health", interval = "10s" }
}`

const registerDescription = `A service is described by flags, or by FILE in JSON or HCL with Consul's keys; "-" is
standard input. The file holds one service by itself, or is a configuration with
"service" or "services", of which only these are taken. All are checked before the
first is registered.

What is registered stays until it is deregistered, over restarts too, if the agent has a
data directory. Registering an ID again replaces what it said, its checks included.

A service without checks is healthy while its host is. With --check-http, --check-tcp,
--check-grpc, --check-udp or --check-unit the agent looks by itself; with --check-hold or
--check-process it is told by the system the moment the service ends; with --check-alias
it stands as another service does; with --check-ttl the service must state that it is
well. A check is critical until its first success. FILE may hold more kinds; those that
run a program belong into the agent's own configuration.

EXAMPLES
covey register --name item-service --port 8080 --weight 3 --check-http http://127.0.0.1:8080/health
covey register --name worker --id worker-2 --check-ttl 30s --tag batch --meta version=7
covey register services.hcl`

const completionDescription = `Prints a script that completes commands, flags, and names of services and nodes as the
agent knows them.

EXAMPLES
. <(covey completion bash)              # for this shell; put it in ~/.bashrc for all
covey completion zsh > "${fpath[1]}/_covey"
covey completion fish > ~/.config/fish/completions/covey.fish`
