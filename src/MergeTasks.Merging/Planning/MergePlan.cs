using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning;

/// <summary>Everything about a merge that is known before a tensor is read: each output file, and each tensor with its key.</summary>
/// <param name="Declaration">What was declared.</param>
/// <param name="Method">The method.</param>
/// <param name="Models">The models in order, each with its input; the base last where it is not listed.</param>
/// <param name="Tensors">The output's tensors in ordinal order of name.</param>
/// <param name="Shards">The output's weight files.</param>
/// <param name="Config">The output's configuration.</param>
/// <param name="DonorFiles">Files copied from the donor (the base, else the first model).</param>
internal sealed record MergePlan(
    MergeDeclaration Declaration,
    MergeMethod Method,
    IReadOnlyList<OpenModel> Models,
    IReadOnlyList<TensorPlan> Tensors,
    IReadOnlyList<Shard> Shards,
    ModelConfig Config,
    IReadOnlyList<SideFile> DonorFiles)
{
    /// <summary>What the tensors are made from.</summary>
    public required OutputLayout Layout { get; init; }

    /// <summary>
    /// Text of <c>adapter_config.json</c>, which an adapter has in the place of <c>config.json</c>; <see langword="null"/> where the output
    /// is a model.
    /// </summary>
    public byte[]? AdapterConfig { get; init; }

    /// <summary>AIM and APL; <see langword="null"/> where neither is asked for.</summary>
    public ImportancePlan? Importance { get; init; }

    /// <summary>What measures the merge on its models' tasks; <see langword="null"/> where nothing does.</summary>
    public ScoreKey? Measured { get; init; }

    /// <summary>
    /// The same merge with fewer of the steps that scores decide, for comparison: first without any, each later one with one step more; the
    /// merge itself is not among them.
    /// </summary>
    public IReadOnlyList<(string Step, MergePlan Plan)> Simpler { get; init; } = [];

    /// <summary>
    /// The same merge without APL, which is made where it does better on the samples that decide; <see langword="null"/>: APL stays in any
    /// case.
    /// </summary>
    public MergePlan? WithoutApl { get; init; }

    /// <summary>The merge's name.</summary>
    public string Name => Declaration.Name;

    /// <summary>Whether results depend on the seed.</summary>
    public bool IsRandom => Declaration.IsMergekitCompatible ? Method.IsRandomInCompatibility : Method.IsRandom;

    /// <summary>Whether a device for whole matrices makes some of its tensors.</summary>
    public bool ComputesOnDevice => Tensors.Any(tensor => tensor.Context?.Device is not null);

    /// <summary>Identifies the tensors of the output all together.</summary>
    public string TensorsDigest => Caching.ContentDigest.Of(Tensors.Select(tensor => $"{tensor.Key} {tensor.Output.Name}\n")).ToString();

    /// <summary>The licences that the models' cards name.</summary>
    public IReadOnlyList<ModelLicence> Licences { get; init; } = [];

    /// <summary>What the user should know and may well have meant, each without a full stop.</summary>
    public IEnumerable<string> Notes => Models.SelectMany(model => model.Input.Notes).Concat(Remarks).Distinct().Concat(Layout.Notes);

    /// <summary>What planning has found in the models' files and should be looked into.</summary>
    public IReadOnlyList<Diagnostic> Findings { get; init; } = [];

    /// <summary>What planning did that nobody asked for, and what it found of no consequence.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>What should be said of the plan, although it can be carried out.</summary>
    public IEnumerable<Diagnostic> Warnings =>
        Declaration.Warnings
            .Concat(Findings)
            .Concat(Layout.Warnings)
            .Concat(LicenceCheck.Of(Declaration, Licences))
            .Concat(Models.SelectMany(Foreign).Distinct());

    /// <summary>Where the model is declared that a file belongs to, else the merge.</summary>
    public SourceLocation LocationOf(string path) =>
        Models.FirstOrDefault(model =>
            model.Input.Folders.Contains(Path.GetDirectoryName(path), StringComparer.Ordinal))?.Declaration.Location
                ?? Declaration.Location;

    private IEnumerable<Diagnostic> Foreign(OpenModel model) =>
        model.Input.ForeignFiles.Select(file => new Diagnostic(
        DiagnosticCode.ForeignFile,
        $"Merge '{Name}': '{file.Path}' is a link out of the model's folder, to '{file.Target}', and is left out. Put a copy in its "
            + "place, or link the whole folder.",
        model.Declaration.Location, IsWarning: true));
}
