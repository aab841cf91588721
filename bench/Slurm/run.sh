#!/bin/bash
# Scores a merge on a Slurm cluster of two nodes that runs on this machine, on loopback, with nginx as the cache that its jobs share, and puts
# it together; then compares every byte with what one build makes. Needs root, Debian's slurm-wlm, munge and nginx-light, and the tasks built:
#   dotnet build src/MergeTasks && bench/Slurm/run.sh
# Everything lies in a folder of its own; only what was started here is ended.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
here=$repository/bench/Slurm
for program in munged slurmctld slurmd nginx; do
  [ -x "/usr/sbin/$program" ] || { echo "There is no /usr/sbin/$program."; exit 1; }
done
at=$(mktemp -d /tmp/mergetasks-slurm-XXXXXX)
pids=()
finish() {
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[$i]}" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$at"
}
trap finish EXIT
chmod 755 "$at"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 SLURM_CONF=$at/slurm.conf NETRC=$at/none
unset MERGETASKS_CACHE_URL MERGETASKS_CACHE_READONLY MERGETASKS_CACHE_TOKEN MERGETASKS_CACHE_USER MERGETASKS_CACHE_PASSWORD

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
cores=$(nproc)

# munge proves to the daemons who is who; a key and a socket of our own.
mkdir -p "$at/munge" "$at/state"
chmod 700 "$at/munge"
dd if=/dev/urandom of="$at/munge/key" bs=128 count=1 status=none
chmod 400 "$at/munge/key"
chmod 755 "$at/munge"
munged --foreground --force --key-file="$at/munge/key" --socket="$at/munge/socket" --pid-file="$at/munge/pid" --log-file="$at/munge/log" \
  --seed-file="$at/munge/seed" >"$at/munge/out" 2>&1 &
pids+=($!)
cat >"$at/slurm.conf" <<EOF
ClusterName=mergetasks
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$at/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MinJobAge=300
StateSaveLocation=$at/state
SlurmdSpoolDir=$at/spool.%n
SlurmctldPidFile=$at/slurmctld.pid
SlurmdPidFile=$at/slurmd.%n.pid
SlurmctldLogFile=$at/slurmctld.log
SlurmdLogFile=$at/slurmd.%n.log
SlurmdParameters=config_overrides
NodeName=node1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2
NodeName=node2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
sleep 1
slurmctld -D >"$at/slurmctld.out" 2>&1 &
pids+=($!)
for node in node1 node2; do
  slurmd -D -N "$node" >"$at/slurmd.$node.out" 2>&1 &
  pids+=($!)
done
for try in $(seq 100); do
  [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = 2 ] && break
  [ "$try" -lt 100 ] || { tail -n 20 "$at"/*.log "$at"/*.out; exit 1; }
  sleep 0.2
done
echo "Slurm: $(sinfo -h -o '%D nodes, %t, %c processors each'); this machine has $cores."

# The shared cache: nginx as docs/scale.md sets it up.
mkdir -p "$at/nginx"
port=$(free_port)
cat >"$at/nginx/nginx.conf" <<EOF
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events { }
http {
  access_log $at/nginx/access.log;
  client_body_temp_path body; proxy_temp_path body; fastcgi_temp_path body; uwsgi_temp_path body; scgi_temp_path body;
  server {
    listen 127.0.0.1:$port;
    location /merges/ { alias $at/nginx/files/; dav_methods PUT; create_full_put_path on; client_max_body_size 0; }
  }
}
EOF
mkdir -p "$at/nginx/body" "$at/nginx/files"
nginx -p "$at/nginx" -c "$at/nginx/nginx.conf" 2>"$at/nginx/errors" &
pids+=($!)

# Three skills in one model, every tensor of every change measured by a run of its own: many pieces.
mkdir -p "$at/project"
cp -r "$repository/example-project/models" "$at/project/models"
cat >"$at/project/Directory.Build.props" <<EOF
<Project><Import Project="$repository/src/MergeTasks/build/MergeTasks.props" /></Project>
EOF
cat >"$at/project/Directory.Build.targets" <<EOF
<Project>
  <PropertyGroup><MergeTasksAssembly>$repository/src/MergeTasks/bin/Debug/net10.0/MergeTasks.dll</MergeTasksAssembly></PropertyGroup>
  <Import Project="$repository/src/MergeTasks/build/MergeTasks.targets" />
</Project>
EOF
cat >"$at/project/skills.csproj" <<EOF
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup>
    <MergedModel Include="skills" Method="task_arithmetic" Base="models/base" Weight="1" Apl="tensor" AplScoring="exact" AplDensity="0.5"
                 AplRescale="none" MergeFactor="off" SelfCheck="false" MaxShardSize="1MB" />
    <MergeSource Include="models/kind" TaskData="models/data/kind.jsonl" />
    <MergeSource Include="models/close" TaskData="models/data/close.jsonl" />
    <MergeSource Include="models/first" TaskData="models/data/first.jsonl" />
  </ItemGroup>
</Project>
EOF
export PROJECT=$at/project/skills.csproj
dotnet restore "$PROJECT" -v q
output=$at/project/bin/Debug/models/skills
merge() {
  dotnet build "$PROJECT" --no-restore -tl:off -v m -t:MergeModels -p:MergeThreads=1 "$@" >"$at/merge.log" || { cat "$at/merge.log"; exit 1; }
}
digests() { (cd "$output" && find . -type f ! -name .merge.owner.json -print0 | sort -z | xargs -0 sha256sum) }
forget() { rm -rf "$output" "$output.shards" "$at/caches" "$at/project/obj/merges"; mkdir -p "$at/caches"; }
seconds() { date +%s.%N; }

forget
start=$(seconds)
MERGETASKS_CACHE=$at/caches/one merge
echo "one build, one thread: $(echo "$(seconds) $start" | awk '{ printf "%.1f", $1 - $2 }') s"
digests >"$at/expected"

# Each task of the array has a cache of its own, as machines have; what they share is the server.
cat >"$at/job" <<EOF
#!/bin/bash
#SBATCH --cpus-per-task=1
#SBATCH --requeue
export MERGETASKS_CACHE=$at/caches/\$SLURM_ARRAY_TASK_ID
bash $here/score.sbatch
status=\$?
date +%s.%N >>$at/ends
exit \$status
EOF
for workers in ${*:-1 2 4 kill}; do
  forget
  rm -rf "$at/nginx/files" "$at/caches"; mkdir -p "$at/caches"; mkdir -p "$at/nginx/files"
  export MERGETASKS_CACHE_URL=http://127.0.0.1:$port/merges
  count=$workers
  [ "$workers" != kill ] || count=4
  rm -f "$at/ends"
  start=$(seconds)
  if [ "$workers" = kill ]; then
    # One task of four is killed as soon as it runs, and stays so: its pieces are lost.
    job=$(sbatch --parsable --array=1-4 --output="$at/job-kill-%a.log" --no-requeue "$at/job")
    until squeue -h -t running -j "${job}_3" 2>/dev/null | grep -q .; do sleep 0.2; done
    sleep 3
    scancel -s KILL "${job}_3"
    while squeue -h -j "$job" 2>/dev/null | grep -q .; do sleep 0.5; done
  else
    # Twice: the second round makes what needs what others make in the first.
    first=$(sbatch --parsable --array=1-"$count" --output="$at/job-$workers-%a.log" "$at/job")
    sbatch --wait --array=1-"$count" --dependency=afterany:"$first" --output="$at/again-$workers-%a.log" "$at/job" >/dev/null
  fi
  # The cluster tells of a job's end much later than it ends.
  scored=$(sort -n "$at/ends" | tail -n 1)
  begun=$(seconds)
  unset MERGETASKS_CACHE
  MERGETASKS_CACHE=$at/caches/last merge
  done=$(seconds)
  digests >"$at/found"
  cmp "$at/expected" "$at/found" && same="every byte as of one build" || same="OTHER BYTES"
  echo "$workers workers: scoring $(echo "$scored $start" | awk '{ printf "%.1f", $1 - $2 }') s," \
    "putting together $(echo "$done $begun" | awk '{ printf "%.1f", $1 - $2 }') s; $same;" \
    "$(find "$at/nginx/files/ac" -type f | wc -l) scores in the shared cache"
  cmp -s "$at/expected" "$at/found"
done
unset MERGETASKS_CACHE_URL

# The same output made by four jobs, a part each, at the same time, with scores that are there.
rm -rf "$output"
cat >"$at/part" <<EOF
#!/bin/bash
#SBATCH --cpus-per-task=1
export MERGETASKS_CACHE=$at/caches/last
exec dotnet build "$PROJECT" --no-restore -tl:off -v q -t:MergeModels -p:MergeThreads=1 -p:MergeShard=\$SLURM_ARRAY_TASK_ID/\$SLURM_ARRAY_TASK_COUNT
EOF
sbatch --wait --array=1-4 --output="$at/part-%a.log" "$at/part" >/dev/null || { tail -n 5 "$at"/part-*.log; exit 1; }
MERGETASKS_CACHE=$at/caches/last merge -p:MergeShard=assemble
digests >"$at/found"
cmp "$at/expected" "$at/found"
echo "4 jobs made a part of the output each ($(find "$output" -name '*.safetensors' | wc -l) weight files): every byte as of one build"
