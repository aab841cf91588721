namespace MergeTasks.Language.Diagnostics;

/// <summary>
/// The codes of all errors and warnings, never reused. Ranges: 0xxx environment, 1xxx declaration, 2xxx recipe, 3xxx inputs,
/// 4xxx merging, 5xxx scoring, 6xxx cache, 7xxx output. Each has a page <c>docs/errors/MTKnnnn.md</c>.
/// </summary>
internal static class DiagnosticCode
{
    /// <summary>The build runs on an MSBuild that is too old. Raised by the targets themselves.</summary>
    public const string OldMSBuild = "MTK0001";

    /// <summary>The device that <c>MergeDevice</c> names cannot be used: its package, its driver or the device itself is missing.</summary>
    public const string DeviceMissing = "MTK0002";

    /// <summary>The libraries of the engine for devices cannot be loaded.</summary>
    public const string DeviceLibraries = "MTK0003";

    /// <summary>Something happened that this project did not foresee: a mistake of its own, to be reported.</summary>
    public const string Unexpected = "MTK0004";

    /// <summary>The folder for generated files cannot be written, or a file there is damaged.</summary>
    public const string GeneratedFiles = "MTK0005";

    /// <summary>No merge method of that name.</summary>
    public const string UnknownMethod = "MTK1001";

    /// <summary>A parameter that the method needs is not given.</summary>
    public const string MissingParameter = "MTK1002";

    /// <summary>A value is not what its name calls for: a number, a flag, a size, an element type.</summary>
    public const string InvalidValue = "MTK1003";

    /// <summary>Two merges have the same name.</summary>
    public const string DuplicateMerge = "MTK1004";

    /// <summary>A source says into which merge it goes, and there is none of that name, or does not say it.</summary>
    public const string UnknownInto = "MTK1005";

    /// <summary>A merge has too few or too many models for its method.</summary>
    public const string ModelCount = "MTK1006";

    /// <summary>The method needs a base model.</summary>
    public const string MissingBase = "MTK1007";

    /// <summary>A metadata name looks like a misspelt one.</summary>
    public const string MisspeltMetadata = "MTK1008";

    /// <summary>The method has no parameter of that name.</summary>
    public const string UnknownParameter = "MTK1009";

    /// <summary>Merges need each other's output.</summary>
    public const string Cycle = "MTK1010";

    /// <summary>A merge's name or output folder cannot be used.</summary>
    public const string InvalidName = "MTK1011";

    /// <summary>No method is named.</summary>
    public const string MissingMethod = "MTK1012";

    /// <summary>An assembly with merge methods cannot be used.</summary>
    public const string MethodAssembly = "MTK1013";

    /// <summary>The source of the vocabulary, or of a token's row, is none.</summary>
    public const string InvalidTokenizerSource = "MTK1030";

    /// <summary>The chat template is none.</summary>
    public const string InvalidChatTemplate = "MTK1031";

    /// <summary>The recipe is not valid YAML.</summary>
    public const string RecipeSyntax = "MTK2001";

    /// <summary>The recipe has a key that nothing reads.</summary>
    public const string UnknownKey = "MTK2002";

    /// <summary>The recipe lacks a key that it needs.</summary>
    public const string MissingKey = "MTK2003";

    /// <summary>A value in the recipe has the wrong form.</summary>
    public const string WrongForm = "MTK2004";

    /// <summary>A parameter stands where it has no effect.</summary>
    public const string MisplacedParameter = "MTK2006";

    /// <summary>The recipe file cannot be read.</summary>
    public const string RecipeUnreadable = "MTK2007";

    /// <summary>The recipe says the same thing twice, and not the same.</summary>
    public const string AmbiguousRecipe = "MTK2008";

    /// <summary>Layers that a slice names do not exist, or do not fit the slice's other sources.</summary>
    public const string LayerRange = "MTK2009";

    /// <summary>A filter or glob fits no tensor (a warning).</summary>
    public const string UnusedFilter = "MTK2010";

    /// <summary>The output's configuration cannot tell of its new layers (a warning).</summary>
    public const string LayerCountKey = "MTK2012";

    /// <summary>The models have no part of that name, or none that can be sliced.</summary>
    public const string UnknownModule = "MTK2011";

    /// <summary>A model's folder was not found.</summary>
    public const string ModelNotFound = "MTK3001";

    /// <summary>A model folder has no weights.</summary>
    public const string NoWeights = "MTK3002";

    /// <summary>Weights in a format that is refused, pickles above all.</summary>
    public const string RefusedFormat = "MTK3003";

    /// <summary>A safetensors file is truncated or malformed.</summary>
    public const string MalformedWeights = "MTK3004";

    /// <summary>A shard index is malformed or names files outside its folder.</summary>
    public const string BadIndex = "MTK3005";

    /// <summary>A tensor that one model has is missing from another.</summary>
    public const string MissingTensor = "MTK3006";

    /// <summary>A tensor has different shapes in two models.</summary>
    public const string ShapeMismatch = "MTK3007";

    /// <summary><c>config.json</c> is missing or malformed.</summary>
    public const string BadConfig = "MTK3008";

    /// <summary>An input file cannot be read, or changed while it was.</summary>
    public const string UnreadableInput = "MTK3009";

    /// <summary>Models are of different architectures: almost nothing matches, or runs of layers or experts are differently long.</summary>
    public const string DifferentArchitecture = "MTK3010";

    /// <summary>Weights are quantised in a way that is not read.</summary>
    public const string RefusedQuantization = "MTK3011";

    /// <summary>The models' configurations differ in what decides the function of equal weights (a warning).</summary>
    public const string DifferentConfigurations = "MTK3012";

    /// <summary>The models' configurations give equal tensors different meanings: numbers of heads, the order of labels.</summary>
    public const string IncompatibleConfigurations = "MTK3013";

    /// <summary>The files of an output disagree about where its texts end (a warning).</summary>
    public const string DisagreeingStopTokens = "MTK3032";

    /// <summary>A LoRA adapter is incomplete or malformed, or does not fit its model.</summary>
    public const string BadAdapter = "MTK3020";

    /// <summary>An adapter of a kind that is not supported.</summary>
    public const string RefusedAdapter = "MTK3021";

    /// <summary>An adapter stands where a model is needed, and no base says what it adapts.</summary>
    public const string AdapterWithoutModel = "MTK3022";

    /// <summary>Models have different vocabularies, and nothing says which the output gets.</summary>
    public const string DifferentVocabularies = "MTK3030";

    /// <summary>A tokenizer is missing, malformed, or does not fit its model.</summary>
    public const string BadTokenizer = "MTK3031";

    /// <summary>A reference is not written as any kind of reference is.</summary>
    public const string BadReference = "MTK3040";

    /// <summary>There is no such repository, revision, package, version or file.</summary>
    public const string SourceNotFound = "MTK3041";

    /// <summary>Access to a repository or package is refused, for want of a token, a password or accepted conditions.</summary>
    public const string SourceUnauthorized = "MTK3042";

    /// <summary>The server takes no more requests for now.</summary>
    public const string SourceRateLimited = "MTK3043";

    /// <summary>The server or feed cannot be reached, or goes on failing.</summary>
    public const string SourceUnavailable = "MTK3044";

    /// <summary>What was fetched, or a file in a cache, is not what was announced.</summary>
    public const string SourceCorrupt = "MTK3045";

    /// <summary>The lock file would have to change in locked mode.</summary>
    public const string LockDiffers = "MTK3046";

    /// <summary>A file is not the one that the lock file names.</summary>
    public const string LockedFileChanged = "MTK3047";

    /// <summary>A model is not on this machine and the network may not be used.</summary>
    public const string SourceOffline = "MTK3048";

    /// <summary>The lock file cannot be used.</summary>
    public const string BadLockFile = "MTK3049";

    /// <summary>
    /// A server or package does what none should: names that lead out of a folder, answers without end, unsafe redirections.
    /// </summary>
    public const string UnsafeSource = "MTK3050";

    /// <summary>A cache folder or the lock file cannot be written while restoring.</summary>
    public const string RestoreUnwritable = "MTK3051";

    /// <summary>The NuGet client refuses a package or its own configuration.</summary>
    public const string PackageRefused = "MTK3052";

    /// <summary>The licences of a merge's models forbid derivatives or do not go together (a warning).</summary>
    public const string Licences = "MTK3053";

    /// <summary>A file beside a model's weights is a link out of the model's folder and is left out (a warning).</summary>
    public const string ForeignFile = "MTK3060";

    /// <summary>An output has code that loaders may run (a warning), or would have it although that is refused.</summary>
    public const string RemoteCode = "MTK3061";

    /// <summary>A tensor cannot be merged as asked.</summary>
    public const string TensorNotMergeable = "MTK4001";

    /// <summary>An input tensor holds NaN or infinity.</summary>
    public const string NonFiniteInput = "MTK4002";

    /// <summary>The method has no result for a tensor's numbers.</summary>
    public const string UndefinedMerge = "MTK4003";

    /// <summary>The method needs more memory for a tensor than there is.</summary>
    public const string TensorTooLarge = "MTK4004";

    /// <summary>Elements of a merged tensor are too large for the output's type.</summary>
    public const string ResultRange = "MTK4005";

    /// <summary>A merge method of an assembly that the project names threw an exception.</summary>
    public const string MethodFailed = "MTK4010";

    /// <summary>An adapter cannot be made of these models.</summary>
    public const string AdapterOutput = "MTK4020";

    /// <summary>A model cannot be written as GGUF.</summary>
    public const string GgufExport = "MTK4030";

    /// <summary>A model cannot be scored: the engine does not run it, or its weights or tokenizer do not fit.</summary>
    public const string NotScorable = "MTK5001";

    /// <summary>A file with calibration texts or samples is missing, unreadable or malformed.</summary>
    public const string BadScoringData = "MTK5002";

    /// <summary>The calibration text has fewer tokens than one block.</summary>
    public const string TooLittleCalibration = "MTK5003";

    /// <summary>AIM has no calibration text, or APL no task data for a model.</summary>
    public const string MissingScoringData = "MTK5004";

    /// <summary>AIM and APL need a base to measure changes from.</summary>
    public const string MissingImportanceBase = "MTK5005";

    /// <summary>A setting of AIM or APL does not fit the method or the models.</summary>
    public const string UnsuitableScoring = "MTK5006";

    /// <summary>Scoring would run the model once per row, and nothing allows it.</summary>
    public const string CostlyScoring = "MTK5007";

    /// <summary>All scores of a module or model are zero (a warning).</summary>
    public const string ZeroImportance = "MTK5008";

    /// <summary>A merged model is worse than an evaluation allows.</summary>
    public const string EvaluationFailed = "MTK5009";

    /// <summary>The process that ran models on a device ended without a result.</summary>
    public const string DeviceProcessLost = "MTK5010";

    /// <summary>The device has too little memory for even one layer and one sequence of a model.</summary>
    public const string DeviceTooSmall = "MTK5011";

    /// <summary>A step or setting of AIM or APL makes a merge worse on its models' own tasks (a warning).</summary>
    public const string WorseStep = "MTK5012";

    /// <summary>A fine-tuned model does no better on its task data than the base (a warning).</summary>
    public const string NoGain = "MTK5013";

    /// <summary>The cache folder cannot be written (a warning).</summary>
    public const string CacheUnwritable = "MTK6001";

    /// <summary>The cache cannot be removed.</summary>
    public const string CacheNotCleaned = "MTK6002";

    /// <summary>The disk has too little space for the output.</summary>
    public const string DiskSpace = "MTK7001";

    /// <summary>The output cannot be written.</summary>
    public const string OutputUnwritable = "MTK7002";

    /// <summary>The output folder holds files that no merge made.</summary>
    public const string ForeignOutput = "MTK7003";

    /// <summary>A model that is to be published or packed has not been made.</summary>
    public const string OutputMissing = "MTK7004";

    /// <summary>The help page of a code, as it was in this version.</summary>
    public static string HelpLink(string code) =>
        $"https://github.com/mergetasks/mergetasks/blob/v{ToolVersion.Text}/docs/errors/{code}.md";
}
