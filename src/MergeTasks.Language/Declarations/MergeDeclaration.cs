using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Sources.Locking;

namespace MergeTasks.Language.Declarations;

/// <summary>A LoRA adapter that is put on a model.</summary>
/// <param name="Label">As the user named it.</param>
/// <param name="Folder">Full path of its folder; empty for another merge's output, and where it is not restored yet.</param>
/// <param name="Location">Where the user named it.</param>
internal sealed record AdapterDeclaration(string Label, string Folder, SourceLocation Location)
{
    /// <inheritdoc cref="ModelDeclaration.Remote"/>
    public string? Remote { get; init; }

    /// <inheritdoc cref="ModelDeclaration.Locked"/>
    public LockedModel? Locked { get; init; }

    /// <summary>Name of the merge that makes it; <see langword="null"/> for a folder.</summary>
    public string? Merge { get; init; }

    internal bool IsSameAdapter(AdapterDeclaration? other) =>
        other is not null && Folder == other.Folder && Merge == other.Merge && (Folder.Length > 0 || Remote == other.Remote);
}

/// <summary>A model that goes into a merge.</summary>
/// <param name="Label">As the user named it; for messages and the model card.</param>
/// <param name="Location">Where the user named it.</param>
internal sealed record ModelDeclaration(string Label, SourceLocation Location)
{
    /// <summary>
    /// Full path of the model folder; <see langword="null"/> for another merge's output, and for a model that is not restored yet.
    /// </summary>
    public string? Folder { get; init; }

    /// <summary>
    /// The reference's name in the lock file, of a model that is restored from elsewhere; <see langword="null"/> for others.
    /// </summary>
    public string? Remote { get; init; }

    /// <summary>What <see cref="Remote"/> was restored to; <see langword="null"/> before that.</summary>
    public LockedModel? Locked { get; init; }

    /// <summary>Name of the merge whose output this is; <see langword="null"/> for a folder.</summary>
    public string? Merge { get; init; }

    /// <summary>The adapter that is put on it; <see langword="null"/>: none.</summary>
    public AdapterDeclaration? Adapter { get; init; }

    /// <summary>Settings of this model alone, by parameter name.</summary>
    public IReadOnlyDictionary<string, Setting> Parameters { get; init; } = new Dictionary<string, Setting>();

    /// <summary>Samples of the task that the model was tuned for.</summary>
    public DataFile? TaskData { get; init; }

    /// <summary>Whether two references mean the same model.</summary>
    public bool IsSameModel(ModelDeclaration other) =>
        Merge == other.Merge
            && Folder == other.Folder
            && (Folder is not null || Remote == other.Remote)
            && (Adapter?.IsSameAdapter(other.Adapter) ?? other.Adapter is null);
}

/// <summary>One merge, however it was declared: project items and recipes both become this.</summary>
/// <param name="Name">The merge's name, which is also its folder's.</param>
/// <param name="Location">Where it is declared.</param>
internal sealed record MergeDeclaration(string Name, SourceLocation Location) : MergeSettings
{
    /// <summary>Name of the method.</summary>
    public required string Method { get; init; }

    /// <summary>Full path of the assembly that has the method; <see langword="null"/>: it is built in.</summary>
    public string? MethodAssembly { get; init; }

    /// <summary>What was written and has no effect.</summary>
    public IReadOnlyList<Diagnostic> Warnings { get; init; } = [];

    /// <summary>The base model, if one is named.</summary>
    public ModelDeclaration? Base { get; init; }

    /// <summary>Every model that is named anywhere in the declaration; those that give tokens are among the others.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<ModelDeclaration> References => Models.Append(Base).Append(ImportanceBase)
        .Concat(Slices.Concat(Modules.SelectMany(module => module.Slices)).Select(slice => slice.Base)).OfType<ModelDeclaration>();

    /// <summary>The declaration with each of its <see cref="References"/> replaced.</summary>
    public MergeDeclaration WithReferences(Func<ModelDeclaration, ModelDeclaration> replace)
    {
        return this with
        {
            Models = [.. Models.Select(replace)],
            Base = Replaced(Base),
            ImportanceBase = Replaced(ImportanceBase),
            Slices = [.. Slices.Select(slice => slice.WithReferences(replace))],
            Modules = [
                .. Modules.Select(module =>
                    module with
                    {
                        Models = [.. module.Models.Select(replace)],
                        Slices = [.. module.Slices.Select(slice => slice.WithReferences(replace))]
                    })
            ],
            Tokenizer = Tokenizer is null
                ? null
                : Tokenizer with
                {
                    Model = Replaced(Tokenizer.Model),
                    Tokens = [.. Tokenizer.Tokens.Select(rule => rule with { Model = Replaced(rule.Model) })]
                },
        };

        ModelDeclaration? Replaced(ModelDeclaration? model) => model is null ? null : replace(model);
    }

    /// <summary>The models in the user's order; with slices or modules, each model once, without settings.</summary>
    public required IReadOnlyList<ModelDeclaration> Models { get; init; }

    /// <summary>The slices that the output's layers are stacked from; empty where whole models are merged.</summary>
    public IReadOnlyList<SliceDeclaration> Slices { get; init; } = [];

    /// <summary>The parts of the checkpoint that have rules of their own; empty where the same rules hold for all of it.</summary>
    public IReadOnlyList<ModuleDeclaration> Modules { get; init; } = [];

    /// <summary>The models as experts of a mixture; <see langword="null"/> where they are merged.</summary>
    public MixtureDeclaration? Mixture { get; init; }

    /// <summary>How the only model's tokenizer is put on the base; <see langword="null"/> where none is.</summary>
    public TransplantSettings? Transplant { get; init; }

    /// <summary>Whether whole models are merged by one set of rules.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsWhole => Slices.Count == 0 && Modules.Count == 0;

    /// <summary>Whether it is a step towards another merge of the same recipe file, and so nothing to publish or pack.</summary>
    public bool IsIntermediate { get; init; }

    /// <summary>Where else its output goes.</summary>
    public CarriedOutput Carried { get; init; } = CarriedOutput.Nowhere;

    /// <summary>The place of the item that declares it among the project's merges, from 0.</summary>
    public int ItemIndex { get; init; }

    /// <summary>Settings for the whole merge, by parameter name; for per-model parameters the default of all models.</summary>
    public IReadOnlyDictionary<string, Setting> Parameters { get; init; } = new Dictionary<string, Setting>();

    /// <summary>The output's vocabulary; <see langword="null"/>: all models have the same.</summary>
    public TokenizerDeclaration? Tokenizer { get; init; }

    /// <summary>The output's chat template; <see langword="null"/>: what the base has.</summary>
    public ChatTemplateDeclaration? ChatTemplate { get; init; }

    /// <summary>
    /// The model from which AIM and APL measure changes, where it is not <see cref="Base"/>; naming it makes it no input of the method.
    /// </summary>
    public ModelDeclaration? ImportanceBase { get; init; }

    /// <summary>Activation-informed merging after the method; <see langword="null"/>: none.</summary>
    public AimDeclaration? Aim { get; init; }

    /// <summary>Activated parameter locating before the method; <see langword="null"/>: none.</summary>
    public AplDeclaration? Apl { get; init; }

    /// <summary>The factor of the merged change; <see langword="null"/>: 1.</summary>
    public FactorDeclaration? Factor { get; init; }

    /// <summary>The search for its settings; <see langword="null"/>: none.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public SearchDeclaration? Search { get; init; }

    /// <summary>Whether scores of the models are needed.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool NeedsScores => Aim is not null || Apl is not null || Factor is not null || MeasuresModels;

    /// <summary>Whether the method itself measures the models on their tasks.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool MeasuresModels => MethodAssembly is null && MergeMethods.Find(Method) is { Statistic: not ModelStatistic.None };

    /// <summary>Full path of the project file, whose merge this is.</summary>
    public required string ProjectFile { get; init; }

    /// <summary>Full path of the output folder.</summary>
    public required string OutputFolder { get; init; }
}
