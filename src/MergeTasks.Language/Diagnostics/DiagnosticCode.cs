using System.Text.Json;
using System.Text.Json.Serialization;

namespace MergeTasks.Language.Diagnostics;

/// <summary>
/// The codes of all errors and warnings, never reused. Ranges: 0xxx environment, 1xxx declaration, 2xxx recipe, 3xxx inputs,
/// 4xxx merging, 5xxx scoring, 6xxx cache, 7xxx output. Each has a page <c>docs/errors/MTKnnnn.md</c>.
/// </summary>
[JsonConverter(typeof(AsText))]
internal readonly record struct DiagnosticCode
{
    private readonly string _text;

    private DiagnosticCode(string text) => _text = text;

    /// <summary>The build runs on an MSBuild that is too old. Raised by the targets themselves.</summary>
    public static readonly DiagnosticCode OldMSBuild = new("MTK0001");

    /// <summary>The device that <c>MergeDevice</c> names cannot be used: its package, its driver or the device itself is missing.</summary>
    public static readonly DiagnosticCode DeviceMissing = new("MTK0002");

    /// <summary>The libraries of the engine for devices cannot be loaded.</summary>
    public static readonly DiagnosticCode DeviceLibraries = new("MTK0003");

    /// <summary>Something happened that this project did not foresee: a mistake of its own, to be reported.</summary>
    public static readonly DiagnosticCode Unexpected = new("MTK0004");

    /// <summary>The folder for generated files cannot be written, or a file there is damaged.</summary>
    public static readonly DiagnosticCode GeneratedFiles = new("MTK0005");

    /// <summary>No merge method of that name.</summary>
    public static readonly DiagnosticCode UnknownMethod = new("MTK1001");

    /// <summary>A parameter that the method needs is not given.</summary>
    public static readonly DiagnosticCode MissingParameter = new("MTK1002");

    /// <summary>A value is not what its name calls for: a number, a flag, a size, an element type.</summary>
    public static readonly DiagnosticCode InvalidValue = new("MTK1003");

    /// <summary>Two merges have the same name.</summary>
    public static readonly DiagnosticCode DuplicateMerge = new("MTK1004");

    /// <summary>A source says into which merge it goes, and there is none of that name, or does not say it.</summary>
    public static readonly DiagnosticCode UnknownInto = new("MTK1005");

    /// <summary>A merge has too few or too many models for its method.</summary>
    public static readonly DiagnosticCode ModelCount = new("MTK1006");

    /// <summary>The method needs a base model.</summary>
    public static readonly DiagnosticCode MissingBase = new("MTK1007");

    /// <summary>A metadata name looks like a misspelt one.</summary>
    public static readonly DiagnosticCode MisspeltMetadata = new("MTK1008");

    /// <summary>The method has no parameter of that name.</summary>
    public static readonly DiagnosticCode UnknownParameter = new("MTK1009");

    /// <summary>Merges need each other's output.</summary>
    public static readonly DiagnosticCode Cycle = new("MTK1010");

    /// <summary>A merge's name or output folder cannot be used.</summary>
    public static readonly DiagnosticCode InvalidName = new("MTK1011");

    /// <summary>No method is named.</summary>
    public static readonly DiagnosticCode MissingMethod = new("MTK1012");

    /// <summary>An assembly with merge methods cannot be used.</summary>
    public static readonly DiagnosticCode MethodAssembly = new("MTK1013");

    /// <summary>A reference to another project gives no merged model, or not the one that is asked for.</summary>
    public static readonly DiagnosticCode NoReferencedModel = new("MTK1015");

    /// <summary>A pattern of file names stands for no item.</summary>
    public static readonly DiagnosticCode UnmatchedPattern = new("MTK1016");

    /// <summary>An expert of a mixture has no prompts that say what it is for.</summary>
    public static readonly DiagnosticCode MissingPrompts = new("MTK1017");

    /// <summary>The source of the vocabulary, or of a token's row, is none.</summary>
    public static readonly DiagnosticCode InvalidTokenizerSource = new("MTK1030");

    /// <summary>The chat template is none.</summary>
    public static readonly DiagnosticCode InvalidChatTemplate = new("MTK1031");

    /// <summary>An axis of a search names nothing that can be searched.</summary>
    public static readonly DiagnosticCode UnknownAxis = new("MTK1040");

    /// <summary>The values or the range of an axis are not those of its setting.</summary>
    public static readonly DiagnosticCode InvalidAxis = new("MTK1041");

    /// <summary>A search lacks something, or there are two of one merge.</summary>
    public static readonly DiagnosticCode IncompleteSearch = new("MTK1042");

    /// <summary>A search may try too few candidates for its axes.</summary>
    public static readonly DiagnosticCode SmallBudget = new("MTK1043");

    /// <summary>A guard of a search is none, or names a file that the search does not evaluate.</summary>
    public static readonly DiagnosticCode UnknownGuard = new("MTK1044");

    /// <summary>The file with what a search has found cannot be used.</summary>
    public static readonly DiagnosticCode BadSearchFile = new("MTK1045");

    /// <summary>The recipe is not valid YAML.</summary>
    public static readonly DiagnosticCode RecipeSyntax = new("MTK2001");

    /// <summary>The recipe has a key that nothing reads.</summary>
    public static readonly DiagnosticCode UnknownKey = new("MTK2002");

    /// <summary>The recipe lacks a key that it needs.</summary>
    public static readonly DiagnosticCode MissingKey = new("MTK2003");

    /// <summary>A value in the recipe has the wrong form.</summary>
    public static readonly DiagnosticCode WrongForm = new("MTK2004");

    /// <summary>A parameter stands where it has no effect.</summary>
    public static readonly DiagnosticCode MisplacedParameter = new("MTK2006");

    /// <summary>The recipe file cannot be read.</summary>
    public static readonly DiagnosticCode RecipeUnreadable = new("MTK2007");

    /// <summary>The recipe says the same thing twice, and not the same.</summary>
    public static readonly DiagnosticCode AmbiguousRecipe = new("MTK2008");

    /// <summary>Layers that a slice names do not exist, or do not fit the slice's other sources.</summary>
    public static readonly DiagnosticCode LayerRange = new("MTK2009");

    /// <summary>A filter or glob fits no tensor (a warning).</summary>
    public static readonly DiagnosticCode UnusedFilter = new("MTK2010");

    /// <summary>The output's configuration cannot tell of its new layers (a warning).</summary>
    public static readonly DiagnosticCode LayerCountKey = new("MTK2012");

    /// <summary>The models have no part of that name, or none that can be sliced.</summary>
    public static readonly DiagnosticCode UnknownModule = new("MTK2011");

    /// <summary>A model's folder was not found.</summary>
    public static readonly DiagnosticCode ModelNotFound = new("MTK3001");

    /// <summary>A model folder has no weights.</summary>
    public static readonly DiagnosticCode NoWeights = new("MTK3002");

    /// <summary>Weights in a format that is refused, pickles above all.</summary>
    public static readonly DiagnosticCode RefusedFormat = new("MTK3003");

    /// <summary>A safetensors file is truncated or malformed.</summary>
    public static readonly DiagnosticCode MalformedWeights = new("MTK3004");

    /// <summary>A shard index is malformed or names files outside its folder.</summary>
    public static readonly DiagnosticCode BadIndex = new("MTK3005");

    /// <summary>A tensor that one model has is missing from another.</summary>
    public static readonly DiagnosticCode MissingTensor = new("MTK3006");

    /// <summary>A tensor has different shapes in two models.</summary>
    public static readonly DiagnosticCode ShapeMismatch = new("MTK3007");

    /// <summary><c>config.json</c> is missing or malformed.</summary>
    public static readonly DiagnosticCode BadConfig = new("MTK3008");

    /// <summary>An input file cannot be read, or changed while it was.</summary>
    public static readonly DiagnosticCode UnreadableInput = new("MTK3009");

    /// <summary>Models are of different architectures: almost nothing matches, or runs of layers or experts are differently long.</summary>
    public static readonly DiagnosticCode DifferentArchitecture = new("MTK3010");

    /// <summary>Weights are quantised in a way that is not read.</summary>
    public static readonly DiagnosticCode RefusedQuantization = new("MTK3011");

    /// <summary>The models' configurations differ in what decides the function of equal weights (a warning).</summary>
    public static readonly DiagnosticCode DifferentConfigurations = new("MTK3012");

    /// <summary>The models' configurations give equal tensors different meanings: numbers of heads, the order of labels.</summary>
    public static readonly DiagnosticCode IncompatibleConfigurations = new("MTK3013");

    /// <summary>The files of an output disagree about where its texts end (a warning).</summary>
    public static readonly DiagnosticCode DisagreeingStopTokens = new("MTK3032");

    /// <summary>A LoRA adapter is incomplete or malformed, or does not fit its model.</summary>
    public static readonly DiagnosticCode BadAdapter = new("MTK3020");

    /// <summary>An adapter of a kind that is not supported.</summary>
    public static readonly DiagnosticCode RefusedAdapter = new("MTK3021");

    /// <summary>An adapter stands where a model is needed, and no base says what it adapts.</summary>
    public static readonly DiagnosticCode AdapterWithoutModel = new("MTK3022");

    /// <summary>Factors of an adapter change embeddings and head of a tied model apart (a warning).</summary>
    public static readonly DiagnosticCode UntiedByAdapter = new("MTK3023");

    /// <summary>Models have different vocabularies, and nothing says which the output gets.</summary>
    public static readonly DiagnosticCode DifferentVocabularies = new("MTK3030");

    /// <summary>A tokenizer is missing, malformed, or does not fit its model.</summary>
    public static readonly DiagnosticCode BadTokenizer = new("MTK3031");

    /// <summary>A reference is not written as any kind of reference is.</summary>
    public static readonly DiagnosticCode BadReference = new("MTK3040");

    /// <summary>There is no such repository, revision, package, version or file.</summary>
    public static readonly DiagnosticCode SourceNotFound = new("MTK3041");

    /// <summary>Access to a repository or package is refused, for want of a token, a password or accepted conditions.</summary>
    public static readonly DiagnosticCode SourceUnauthorized = new("MTK3042");

    /// <summary>The server takes no more requests for now.</summary>
    public static readonly DiagnosticCode SourceRateLimited = new("MTK3043");

    /// <summary>The server or feed cannot be reached, or goes on failing.</summary>
    public static readonly DiagnosticCode SourceUnavailable = new("MTK3044");

    /// <summary>What was fetched, or a file in a cache, is not what was announced.</summary>
    public static readonly DiagnosticCode SourceCorrupt = new("MTK3045");

    /// <summary>The lock file would have to change in locked mode.</summary>
    public static readonly DiagnosticCode LockDiffers = new("MTK3046");

    /// <summary>A file is not the one that the lock file names.</summary>
    public static readonly DiagnosticCode LockedFileChanged = new("MTK3047");

    /// <summary>A model is not on this machine and the network may not be used.</summary>
    public static readonly DiagnosticCode SourceOffline = new("MTK3048");

    /// <summary>The lock file cannot be used.</summary>
    public static readonly DiagnosticCode BadLockFile = new("MTK3049");

    /// <summary>
    /// A server or package does what none should: names that lead out of a folder, answers without end, unsafe redirections.
    /// </summary>
    public static readonly DiagnosticCode UnsafeSource = new("MTK3050");

    /// <summary>A cache folder or the lock file cannot be written while restoring.</summary>
    public static readonly DiagnosticCode RestoreUnwritable = new("MTK3051");

    /// <summary>The NuGet client refuses a package or its own configuration.</summary>
    public static readonly DiagnosticCode PackageRefused = new("MTK3052");

    /// <summary>The licences of a merge's models forbid derivatives or do not go together (a warning).</summary>
    public static readonly DiagnosticCode Licences = new("MTK3053");

    /// <summary>A file beside a model's weights is a link out of the model's folder and is left out (a warning).</summary>
    public static readonly DiagnosticCode ForeignFile = new("MTK3060");

    /// <summary>An output has code that loaders may run (a warning), or would have it although that is refused.</summary>
    public static readonly DiagnosticCode RemoteCode = new("MTK3061");

    /// <summary>A tensor cannot be merged as asked.</summary>
    public static readonly DiagnosticCode TensorNotMergeable = new("MTK4001");

    /// <summary>An input tensor holds NaN or infinity.</summary>
    public static readonly DiagnosticCode NonFiniteInput = new("MTK4002");

    /// <summary>The method has no result for a tensor's numbers.</summary>
    public static readonly DiagnosticCode UndefinedMerge = new("MTK4003");

    /// <summary>The method needs more memory for a tensor than there is.</summary>
    public static readonly DiagnosticCode TensorTooLarge = new("MTK4004");

    /// <summary>Elements of a merged tensor are too large for the output's type.</summary>
    public static readonly DiagnosticCode ResultRange = new("MTK4005");

    /// <summary>A merge method of an assembly that the project names threw an exception.</summary>
    public static readonly DiagnosticCode MethodFailed = new("MTK4010");

    /// <summary>An adapter cannot be made of these models.</summary>
    public static readonly DiagnosticCode AdapterOutput = new("MTK4020");

    /// <summary>Models cannot be put together as experts of one.</summary>
    public static readonly DiagnosticCode NoMixture = new("MTK4040");

    /// <summary>A model cannot be written as GGUF.</summary>
    public static readonly DiagnosticCode GgufExport = new("MTK4030");

    /// <summary>A model cannot be scored: the engine does not run it, or its weights or tokenizer do not fit.</summary>
    public static readonly DiagnosticCode NotScorable = new("MTK5001");

    /// <summary>A file with calibration texts or samples is missing, unreadable or malformed.</summary>
    public static readonly DiagnosticCode BadScoringData = new("MTK5002");

    /// <summary>The calibration text has fewer tokens than one block.</summary>
    public static readonly DiagnosticCode TooLittleCalibration = new("MTK5003");

    /// <summary>AIM has no calibration text, or APL no task data for a model.</summary>
    public static readonly DiagnosticCode MissingScoringData = new("MTK5004");

    /// <summary>AIM and APL need a base to measure changes from.</summary>
    public static readonly DiagnosticCode MissingImportanceBase = new("MTK5005");

    /// <summary>A setting of AIM or APL does not fit the method or the models.</summary>
    public static readonly DiagnosticCode UnsuitableScoring = new("MTK5006");

    /// <summary>Scoring would run the model once per row, and nothing allows it.</summary>
    public static readonly DiagnosticCode CostlyScoring = new("MTK5007");

    /// <summary>All scores of a module or model are zero (a warning).</summary>
    public static readonly DiagnosticCode ZeroImportance = new("MTK5008");

    /// <summary>A merged model is worse than an evaluation allows.</summary>
    public static readonly DiagnosticCode EvaluationFailed = new("MTK5009");

    /// <summary>The process that ran models on a device ended without a result.</summary>
    public static readonly DiagnosticCode DeviceProcessLost = new("MTK5010");

    /// <summary>The device has too little memory for even one layer and one sequence of a model.</summary>
    public static readonly DiagnosticCode DeviceTooSmall = new("MTK5011");

    /// <summary>A step or setting of AIM or APL makes a merge worse on its models' own tasks (a warning).</summary>
    public static readonly DiagnosticCode WorseStep = new("MTK5012");

    /// <summary>A fine-tuned model does no better on its task data than the base (a warning).</summary>
    public static readonly DiagnosticCode NoGain = new("MTK5013");

    /// <summary>A file has too few items for some of them to be held out of a search.</summary>
    public static readonly DiagnosticCode TooFewItems = new("MTK5020");

    /// <summary>A merge's settings were found for something else than is there now, or have not been searched (a warning).</summary>
    public static readonly DiagnosticCode OutdatedSearch = new("MTK5021");

    /// <summary>No candidate of a search beats a single model or the plain average (a warning).</summary>
    public static readonly DiagnosticCode NothingBeats = new("MTK5022");

    /// <summary>No candidate of a search can be used.</summary>
    public static readonly DiagnosticCode NoCandidate = new("MTK5023");

    /// <summary>Items that a search holds out have been seen by something else that decides its candidates (a warning).</summary>
    public static readonly DiagnosticCode SeenItems = new("MTK5024");

    /// <summary>The cache folder cannot be written (a warning).</summary>
    public static readonly DiagnosticCode CacheUnwritable = new("MTK6001");

    /// <summary>The cache cannot be removed.</summary>
    public static readonly DiagnosticCode CacheNotCleaned = new("MTK6002");

    /// <summary>The shared cache cannot be used, or not be written (a warning).</summary>
    public static readonly DiagnosticCode SharedCacheUnusable = new("MTK6003");

    /// <summary>An entry of the shared cache is not what it should be (a warning).</summary>
    public static readonly DiagnosticCode SharedEntryRefused = new("MTK6004");

    /// <summary>The disk has too little space for the output.</summary>
    public static readonly DiagnosticCode DiskSpace = new("MTK7001");

    /// <summary>The output cannot be written.</summary>
    public static readonly DiagnosticCode OutputUnwritable = new("MTK7002");

    /// <summary>The output folder holds files that no merge made.</summary>
    public static readonly DiagnosticCode ForeignOutput = new("MTK7003");

    /// <summary>A model that is to be published or packed has not been made.</summary>
    public static readonly DiagnosticCode OutputMissing = new("MTK7004");

    /// <summary>Parts of an output that is to be put together are missing, or are of another output.</summary>
    public static readonly DiagnosticCode ShardsMissing = new("MTK7005");

    /// <summary>A folder has no manifest that its bytes could be compared with.</summary>
    public static readonly DiagnosticCode ManifestMissing = new("MTK7020");

    /// <summary>The code as it is shown.</summary>
    public static implicit operator string(DiagnosticCode code) => code._text;

    /// <inheritdoc/>
    public override string ToString() => _text;

    /// <summary>How records hold one.</summary>
    private sealed class AsText : JsonConverter<DiagnosticCode>
    {
        public override DiagnosticCode Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetString() is ['M', 'T', 'K', _, _, _, _] text ? new(text) : throw new JsonException("is no code of a diagnostic");

        public override void Write(Utf8JsonWriter writer, DiagnosticCode value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value._text);
    }

    /// <summary>The help page of a code, as it was in this version.</summary>
    public static string HelpLink(string code) =>
        $"https://github.com/mergetasks/mergetasks/blob/v{ToolVersion.Text}/docs/errors/{code}.md";
}
