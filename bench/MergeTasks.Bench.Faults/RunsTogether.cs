using MergeTasks.TestSupport;

namespace MergeTasks.Bench.Faults;

/// <summary>Builds at the same time: several projects that share a cache, and several processes in one project.</summary>
internal sealed class RunsTogether(FaultOptions options, FaultReport report)
{
    private const int Projects = 8;
    private const int Processes = 4;

    public void Run()
    {
        var root = Directory.CreateTempSubdirectory("mergetasks-faults-").FullName;
        var scored = Path.GetFullPath(Path.Combine("example-project", "models"));
        var projects = Enumerable.Range(0, Projects)
            .Select(i => new FaultProject(Path.Combine(root, $"p{i}")) { Cache = Path.Combine(root, "cache"), Scored = scored })
            .ToList();
        projects.ForEach(project => project.Write());
        var clean = FaultProject.Variants.ToDictionary(variant => variant, projects[0].Clean);
        for (var round = 0; round < options.Rounds; round++)
        {
            // Nothing is known, and nothing is made: every score is wanted by all of them.
            Directory.Delete(Path.Combine(root, "cache"), recursive: true);
            projects.ForEach(project => project.RemoveOutputs());
            var variant = FaultProject.Variants[round % 2];
            var scores = Together([.. projects], project => project, variant, $"round {round}, one cache");
            if (scores != 1)
                report.Broken($"round {round}: one score was computed {scores} times");
            foreach (var project in projects)
                Compare(project, clean[variant], $"round {round}, one cache");
            Together(
                Enumerable.Range(0, Processes), _ => projects[0], FaultProject.Variants[(round + 1) % 2], $"round {round}, one project");
            Compare(projects[0], clean[FaultProject.Variants[(round + 1) % 2]], $"round {round}, one project");
            foreach (var left in projects.SelectMany(project => project.Temporary()).Distinct())
                report.Broken($"round {round}: '{left}' is left");
        }

        Directory.Delete(root, recursive: true);
    }

    private int Together<T>(IEnumerable<T> all, Func<T, FaultProject> projectOf, string variant, string what)
    {
        var children = all.Select(projectOf)
            .Select(project => new Child(project.Folder, variant, "wait", "cache", project.Cache, "scored", project.Scored))
            .ToList();
        children.ForEach(child => child.Go());
        var scores = 0;
        foreach (var child in children)
        {
            var (code, output) = child.Wait();
            report.Ended(code == 0 ? "well" : $"code {code}");
            if (code != 0)
                report.Broken($"{what}: {code}: {output}");
            else
                scores += int.Parse(output.Split("scores ")[1].Split('\n')[0]);
            child.Dispose();
        }

        return scores;
    }

    private void Compare(FaultProject project, SortedDictionary<string, string> clean, string what)
    {
        if (!FolderContent.Of(project.Out).SequenceEqual(clean))
            report.Broken($"{what}: '{project.Folder}' is not what a clean build gives");
    }
}
