using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Checks declarations, recipes and the headers of all inputs; reads no tensor data and writes nothing.</summary>
[MSBuildMultiThreadableTask]
public sealed class ValidateMerges : DeclaringTask
{
    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var merges = ReadDeclarations();

        // Not whether the device is there: declarations are checked on other machines too.
        new DeviceSettings(Properties).Read();
        foreach (var warning in BuildOf(merges).Validate(cancellation))
            Report(warning);
        Log.LogMessage(
            MessageImportance.High, "{0} merge(s) valid: {1}.", merges.Count, string.Join(", ", merges.Select(merge => merge.Name)));
    }
}
