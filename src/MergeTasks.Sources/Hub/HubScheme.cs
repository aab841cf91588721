using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>Repositories of the Hugging Face Hub: <c>hf:org/name@revision</c>, and mergekit's bare <c>org/name</c>.</summary>
internal sealed class HubScheme : SourceScheme
{
    public override string Prefix => "hf:";

    public override string Form => "hf:org/name@revision";

    /// <summary>Its name in the lock file.</summary>
    internal const string Type = "hub";

    public override string LockType => Type;

    public override string? ResolvedDigest => "gitCommit";

    public override string Pinned(ModelReference reference, string resolved) => $"hf:{((HubReference)reference).Repository}@{resolved}";

    public override string PackageUrl(ModelReference reference, string resolved) =>
        $"pkg:huggingface/{((HubReference)reference).Repository}@{resolved}";

    public override string? HubRepository(ModelReference reference) => ((HubReference)reference).Repository;

    internal override ModelReference Parse(string text, string written) => HubReference.Parse(text, written);

    internal override ModelReference? ParseBare(string text) =>
        HubReference.IsRepository(text.Split('@')[0]) ? HubReference.Parse(text, text) : null;

    internal override bool IsResolved(string text) => SafeName.IsCommit(text);

    internal override IModelSource Open(SourceContext context)
    {
        var settings = HubSettings.From(context.Options.Environment);
        return new HubSource(settings, new HubClient(settings, context.Options, context.Progress), context);
    }
}
