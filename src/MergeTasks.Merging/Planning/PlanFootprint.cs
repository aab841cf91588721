namespace MergeTasks.Merging.Planning;

/// <summary>What a plan and its verdict on the output rest on, beside the declarations themselves.</summary>
public static class PlanFootprint
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
            foreach (var (model, input) in plan.Models)
            {
                paths.Add(input.Folder);
                paths.Add(Path.Combine(Path.GetDirectoryName(model.Location.File)!, model.Label));
            }

            if (plan.Importance is not { } importance)
                continue;
            paths.Add(importance.Base.Folder);
            paths.Add(Path.Combine(Path.GetDirectoryName(importance.BaseDeclaration.Location.File)!, importance.BaseDeclaration.Label));
            foreach (var data in importance.Requests.Select(request => request.Data).OfType<Importance.DataFile>())
            {
                paths.Add(data.Path);
                paths.Add(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(data.Location.File)!, data.Label)));
            }
        }

        return [.. paths];
    }
}
