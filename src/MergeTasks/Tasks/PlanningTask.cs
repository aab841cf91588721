using System.Text;
using MergeTasks.Caching;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>A task that has nothing to do while the declarations, and all that the last plan rested on, are the same.</summary>
public abstract class PlanningTask : DeclaringTask
{
    /// <summary>What is remembered of the last plan.</summary>
    private protected PlanRecord Record() => new(MergesFolder, DigestOfDeclarations());

    /// <summary>Full paths of the files, beside the settings themselves, that decide which device runs models.</summary>
    private protected IEnumerable<string> DevicePaths()
    {
        var settings = new DeviceSettings(Properties);
        return settings.TaskAssembly.Length > 0 ? [settings.AssetsFile] : [];
    }

    // Of everything that planning is given: whatever it means, with other values the plan may be another.
    private ContentDigest DigestOfDeclarations()
    {
        var text = new StringBuilder();
        foreach (var value in Properties.Deciding)
            text.Append($"{value.Length} {value}\n");
        foreach (var items in new[] { MergedModels, MergeSources, MergeMethods, MergeEvaluations, MergeSearches, MergeSearchAxes })
        {
            text.Append('\n');
            foreach (var item in items)
            {
                var names = item.MetadataNames.Cast<string>().Where(DeclaredItems.IsDeclared).Order(StringComparer.Ordinal);
                text.Append(item.ItemSpec)
                    .Append('\n')
                    .AppendJoin('\n', names.Select(name => $"{name.Length} {name}={item.GetMetadata(name)}"))
                    .Append('\n');
            }
        }

        return ContentDigest.Of(text.ToString());
    }
}
