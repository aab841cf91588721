using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Bench.Faults;

/// <summary>What must hold after every fault.</summary>
/// <param name="project">The project.</param>
/// <param name="report">Hears of what does not.</param>
internal sealed class Promises(FaultProject project, FaultReport report)
{
    private readonly Dictionary<string, SortedDictionary<string, string>> _clean = FaultProject.Variants.ToDictionary(
        variant => variant, project.Clean);

    /// <summary>The outputs that a build of a variant from nothing gives.</summary>
    public SortedDictionary<string, string> Clean(string variant) => _clean[variant];

    /// <summary>
    /// Every file in its place is whole, the old output's or the new one's; and the next build gives what one from nothing gives and leaves
    /// nothing else behind.
    /// </summary>
    /// <param name="what">The fault.</param>
    /// <param name="next">The variant that is built next.</param>
    public void Check(string what, string next)
    {
        foreach (var (name, hash) in FolderContent.Of(project.Out)
            .Where(file =>
                !file.Key.Contains(".partial", StringComparison.Ordinal) && !file.Key.EndsWith(".tmp", StringComparison.Ordinal)))
        {
            if (!_clean.Values.Any(content => content.TryGetValue(name, out var known) && known == hash))
                report.Broken($"{what}: '{name}' is neither the old file nor the new one");
        }

        try
        {
            project.Build(next, MergeProgress.None);
        }
        catch (Exception e)
        {
            report.Broken($"{what}: the next build fails: {e.Message}");
            project.RemoveOutputs();
            return;
        }

        if (!FolderContent.Of(project.Out).SequenceEqual(_clean[next]))
            report.Broken($"{what}: the next build's bytes are not a clean build's");
        foreach (var left in project.Temporary())
        {
            report.Broken($"{what}: '{left}' is left");
            if (File.Exists(left))
                File.Delete(left);
        }
    }

    /// <summary>How a worker may end by itself: well, or with diagnostics.</summary>
    public void CheckEnd(string what, int code, string output)
    {
        report.Ended(code switch
        {
            0 => "well",
            Worker.Refused =>
                "refused: "
                    + string.Join(
                        ", ",
                        output.Split('\n')
                            .Where(line => line.StartsWith("MTK", StringComparison.Ordinal))
                            .Select(line => line[..7])
                            .Distinct()),
            _ => $"code {code}",
        });
        if (code is not (0 or Worker.Refused))
            report.Broken($"{what}: the process ended with {code}: {output}");
    }
}
