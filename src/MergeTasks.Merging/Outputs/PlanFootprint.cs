using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Planning;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Merging.Outputs;

/// <summary>What a plan and its verdict on the output rest on, beside the declarations themselves.</summary>
internal static class PlanFootprint
{
    /// <summary>
    /// Full paths of the files and folders whose content, presence or absence could change any of the plans or what is to be done:
    /// the models' folders and output folders, the files that declare the merges, and the places that a model's name could also have meant.
    /// </summary>
    public static IReadOnlyList<string> PathsOf(IEnumerable<MergePlan> plans)
    {
        var paths = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var plan in plans)
        {
            paths.Add(plan.Declaration.OutputFolder);
            paths.Add(plan.Declaration.Location.File);
            if (plan.Declaration.Search is { } search)
                paths.UnionWith(search.Data.Select(data => data.Path).Append(search.File));
            if (plan.Method is ForeignMethod method)
                paths.UnionWith(method.Files);
            paths.UnionWith(
                plan.DonorFiles
                    .Where(file => file.Name.Contains('/', StringComparison.Ordinal) && file.Source is not null)
                    .Select(file => Path.GetDirectoryName(file.Source)!));
            foreach (var (model, input) in plan.Models)
            {
                paths.UnionWith(input.Folders);
                paths.UnionWith(Candidates(model));
            }

            if (plan.Importance is not { } importance)
                continue;
            paths.UnionWith(importance.Base.Folders);
            paths.UnionWith(Candidates(importance.BaseDeclaration));
            foreach (var data in importance.Requests.Select(request => request.Data).OfType<DataFile>())
            {
                paths.Add(data.Path);
                paths.Add(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(data.Location.File)!, data.Label)));
            }
        }

        return [.. paths];
    }

    // Beside the file that names a model, its name would have come first.
    private static IEnumerable<string> Candidates(ModelDeclaration model)
    {
        var label = model.Label;
        if (model.Adapter is { } adapter)
        {
            yield return Path.Combine(Path.GetDirectoryName(adapter.Location.File)!, adapter.Label);
            if (label.EndsWith("+" + adapter.Label, StringComparison.Ordinal))
                label = label[..^(adapter.Label.Length + 1)];
        }

        yield return Path.Combine(Path.GetDirectoryName(model.Location.File)!, label);
    }
}
