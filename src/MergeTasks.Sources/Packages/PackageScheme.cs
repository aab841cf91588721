using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Hub;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Packages;

/// <summary>NuGet packages: <c>nuget:Id/1.2.0</c>.</summary>
internal sealed class PackageScheme : SourceScheme
{
    public override string Prefix => "nuget:";

    public override string Form => "nuget:Id/1.2.0";

    /// <summary>Its name in the lock file.</summary>
    internal const string Type = "nuget";

    public override string LockType => Type;

    public override string Pinned(ModelReference reference, string resolved) => $"nuget:{((PackageReference)reference).Id}/{resolved}";

    public override string PackageUrl(ModelReference reference, string resolved) =>
        $"pkg:nuget/{((PackageReference)reference).Id}@{resolved}";

    internal override ModelReference Parse(string text, string written) => PackageReference.Parse(text, written);

    internal override bool IsResolved(string text) => SafeName.IsFileName(text);

    // Whoever forbids the network to the Hub's tools forbids it to models.
    internal override IModelSource Open(SourceContext context) =>
        new PackageSource(context.Options, HubSettings.From(context.Options.Environment).IsOffline, context.Hashes, context.Progress);
}
