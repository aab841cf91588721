"""
What a build with nothing to do costs with ten merges declared, above the same project without the package.

usage: python3 bench/NoOpBuild/measure.py [ROUNDS]

Packs the tasks, makes both projects in a temporary folder, builds them until nothing is left to do, then builds them in turns.
"""

import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MERGES = "".join(
    f"""<MergedModel Include="m{i}" Method="ties" Base="models/base" Density="0.5" />
        <MergeSource Include="models/code" Into="m{i}" Weight="0.{i + 1}" />
        <MergeSource Include="models/math" Into="m{i}" Weight="0.5" />""" for i in range(10))


def dotnet(folder, *arguments):
    subprocess.run(["dotnet", *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=True)


def write_project(folder, items):
    folder.mkdir()
    (folder / "app.csproj").write_text(
        f"""<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework>
        <RestorePackagesPath>{folder.parent}/packages</RestorePackagesPath></PropertyGroup><ItemGroup>{items}</ItemGroup></Project>""")


def build(folder):
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    dotnet(folder, "build", "--no-restore", "-nr:false")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        os.environ["MERGETASKS_CACHE"] = str(root / "cache")
        (root / "nuget.config").write_text(
            f"""<configuration><packageSources><clear /><add key="local" value="{root}/feed" /></packageSources></configuration>""")
        dotnet(REPOSITORY, "pack", "src/MergeTasks", "-c", "Release", "-o", str(root / "feed"))
        version = next((root / "feed").glob("*.nupkg")).stem[len("MergeTasks."):]
        write_project(root / "without", "")
        write_project(root / "with", f"""<PackageReference Include="MergeTasks" Version="{version}" PrivateAssets="all" />{MERGES}""")
        shutil.copytree(REPOSITORY / "example-project" / "models", root / "with" / "models")
        seconds = {"without": [], "with": []}
        for folder in seconds:
            dotnet(root / folder, "restore")
            for _ in range(3):
                build(root / folder)
        for _ in range(rounds):
            for folder, all_seconds in seconds.items():
                all_seconds.append(build(root / folder))
        for i, kind in enumerate(["wall clock", "processor"]):
            without, with_merges = (statistics.median(pair[i] for pair in seconds[folder]) for folder in ("without", "with"))
            print(f"{kind}: {without:.3f} s without, {with_merges:.3f} s with ten merges, {with_merges - without:.3f} s more")


if __name__ == "__main__":
    main()
