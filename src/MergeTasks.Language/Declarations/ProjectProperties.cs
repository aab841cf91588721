using MergeTasks.Caching;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// The properties of a project that say how merges are made, beside those that are options of all merges. The build file that sets their
/// defaults and hands them to the tasks is generated from these rows.
/// </summary>
internal static class ProjectProperties
{
    /// <summary>Switches all merging off.</summary>
    public static SurfaceName Enabled { get; } = new("MergeEnabled", "Whether builds merge.") { Default = "true", Type = "bool" };

    /// <summary>Where outputs go. A model has no target framework, so there is none in it.</summary>
    public static SurfaceName ModelsFolder { get; } = new("MergedModelsOutputPath", "The folder that gets one folder per merge.")
    {
        Default = "bin/<configuration>/models/",
        BuildDefault = "$(BaseOutputPath)$(_MergeConfiguration)/models/",
        Type = "folder",
        DecidesPlans = true,
    };

    /// <summary>The cache folder.</summary>
    public static SurfaceName CachePath { get; } = new(
        "MergeCachePath",
        "The folder of scores and of what is remembered of files; default: the environment variable MERGETASKS_CACHE, "
        + "else the user's cache folder.")
    {
        Type = "folder",
        DecidesPlans = true,
    };

    /// <summary>The cache's limit.</summary>
    public static SurfaceName CacheMaxSize { get; } = new(
        "MergeCacheMaxSize", "Size that cached scores may reach before those that were not used for the longest time are removed.")
    {
        Default = ByteSize.Written(ContentStore.DefaultSizeLimit),
    };

    /// <summary>The cache that machines share.</summary>
    public static SurfaceName CacheUrl { get; } = new(
        "MergeCacheUrl",
        "Address of a cache of scores that machines share, which speaks the Bazel remote cache's HTTP protocol; default: the environment "
        + "variable MERGETASKS_CACHE_URL, else no such cache. none: no such cache although the variable is set.");

    /// <summary>Whether the cache that machines share is only read.</summary>
    public static SurfaceName CacheReadOnly { get; } = new(
        "MergeCacheReadOnly",
        "Whether the shared cache is read and nothing put into it; default: the environment variable MERGETASKS_CACHE_READONLY, "
        + "else false.")
    {
        Type = "bool",
    };

    /// <summary>Which part of outputs is made.</summary>
    public static SurfaceName Shard { get; } = new(
        "MergeShard",
        "Which part of the outputs' weight files this machine makes, such as 2/4 for the second of four machines, in a folder beside the "
        + "output; assemble: puts the parts together. A build without it does so too, and makes what is missing.");

    /// <summary>What RunScore computes.</summary>
    public static SurfaceName Piece { get; } = new(
        "Piece", "Which piece of the scores RunScore computes: a number that PlanScores lists, or i/n for every n-th from the i-th.");

    /// <summary>What to do with cached scores.</summary>
    public static SurfaceName Cache { get; } = new("MergeCache", "refresh computes scores again that are cached.") { Values = ["refresh"] };

    /// <summary>Threads.</summary>
    public static SurfaceName Threads { get; } = new(
        "MergeThreads",
        "Threads per merge; 0 is one per core, 16 at most.")
    {
        Default = "0",
        Type = "int",
    };

    /// <summary>Where models run.</summary>
    public static SurfaceName Device { get; } = new(
        DeviceRequest.DeviceProperty,
        "Where models run to be scored and evaluated: the built-in engine (cpu), or, with the package MergeTasks.Torch, cuda, "
        + "one of several devices (cuda:N) or libtorch on the processor (torch-cpu). "
        + "auto: cuda where package, driver and device are there, else cpu.")
    {
        Default = "auto",
        Values = DeviceRequest.Devices,
        DecidesPlans = true,
    };

    /// <summary>How matrices are multiplied there.</summary>
    public static SurfaceName DevicePrecision { get; } = new(
        DeviceRequest.PrecisionProperty,
        "How matrices are multiplied on such a device: in fp32, or with operands and results of products with weights rounded to bf16 "
        + "and sums in fp32. The built-in engine always computes in fp32.")
    {
        Default = "fp32",
        Values = DeviceRequest.Precisions,
        DecidesPlans = true,
    };

    /// <summary>Whether methods compute there too.</summary>
    public static SurfaceName DeviceArithmetic { get; } = new(
        DeviceRequest.ArithmeticProperty,
        "Whether tsv and regmean compute on such a device too; false: on the processor. "
        + "Other methods are bound by reading and always stay there.")
    {
        Default = "true",
        Type = "bool",
        DecidesPlans = true,
    };

    /// <summary>How much of it models may take.</summary>
    public static SurfaceName DeviceMemory { get; } = new(
        DeviceRequest.MemoryProperty,
        "Most memory of such a device for weights that stay there between runs, such as 16GB; the others are copied to it layer by layer. "
        + "Default: most of what is free.")
    {
        DecidesPlans = true,
    };

    /// <summary>Whether merges run side by side: each uses all cores and the disk already.</summary>
    public static SurfaceName InParallel { get; } = new(
        "MergeInParallel",
        "Whether merges of one project run at the same time.")
    {
        Default = "false",
        Type = "bool",
    };

    /// <summary>Whether builds measure.</summary>
    public static SurfaceName EvaluateOnBuild { get; } = new(
        "EvaluateMergesOnBuild",
        "Whether every build ends with EvaluateMerges.")
    {
        Default = "false",
        Type = "bool",
    };

    /// <summary>Whether evaluations write reports.</summary>
    public static SurfaceName Reports { get; } = new(
        "MergeReports",
        "Whether EvaluateMerges ends with ReportMerges.")
    {
        Default = "true",
        Type = "bool",
    };

    /// <summary>Whether clean removes models.</summary>
    public static SurfaceName CleanOutputs { get; } = new(
        "MergeCleanOutputs",
        "Whether clean removes models.")
    {
        Default = "true",
        Type = "bool",
    };

    /// <summary>The lock file.</summary>
    public static SurfaceName LockFile { get; } = new(
        "ModelsLockFile", "What models from elsewhere were resolved to; meant to be committed.")
    {
        Default = "models.lock.json",
        Type = "file",
        DecidesPlans = true,
    };

    /// <summary>Whether references are resolved anew.</summary>
    public static SurfaceName Update { get; } = new(
        "UpdateModels",
        "Whether branches and version ranges are resolved anew, and the lock file with them.")
    {
        Default = "false",
        Type = "bool",
    };

    /// <summary>Whether the lock file may not change.</summary>
    public static SurfaceName LockedMode { get; } = new(
        "ModelsLockedMode",
        "Whether it is an error if the lock file would have to change; for CI.")
    {
        Default = "false",
        Type = "bool",
    };

    /// <summary>Whether the network may not be used.</summary>
    public static SurfaceName Offline { get; } = new(
        "ModelsOffline",
        "Whether the network must not be used.")
    {
        Default = "false",
        Type = "bool",
    };

    /// <summary>Those that users set.</summary>
    public static IReadOnlyList<SurfaceName> All { get; } =
    [
        Enabled, ModelsFolder, CachePath, CacheMaxSize, CacheUrl, CacheReadOnly, Cache, Shard, Piece, Threads, Device, DevicePrecision,
        DeviceArithmetic, DeviceMemory, InParallel, EvaluateOnBuild, Reports, CleanOutputs, LockFile, Update, LockedMode, Offline,
    ];

    /// <summary>The project's own file.</summary>
    public static SurfaceName ProjectFile { get; } = new(
        "MSBuildProjectFullPath",
        "Full path of the project file.")
    {
        DecidesPlans = true,
    };

    /// <summary>The folder for generated files.</summary>
    public static SurfaceName MergesFolder { get; } = new("_MergesFolder", "Full path of the folder for generated files.");

    /// <summary>What generated projects import.</summary>
    public static SurfaceName RunTargets { get; } = new(
        "_MergeRunTargets",
        "Full path of the targets that generated projects import.")
    {
        DecidesPlans = true,
    };

    /// <summary>The task assembly.</summary>
    public static SurfaceName TaskAssembly { get; } = new(
        "MergeTasksAssembly",
        "Full path of the task assembly, for the generated projects.")
    {
        DecidesPlans = true,
    };

    /// <summary>The task assembly for devices.</summary>
    public static SurfaceName DeviceTaskAssembly { get; } = new(
        "MergeTorchAssembly",
        "Full path of the task assembly in the package with the engine for devices; empty without that package.")
    {
        DecidesPlans = true,
    };

    /// <summary>NuGet's list of packages.</summary>
    public static SurfaceName AssetsFile { get; } = new(
        "ProjectAssetsFile",
        "Full path of NuGet's list of the project's packages.")
    {
        Type = "file",
        DecidesPlans = true,
    };

    /// <summary>NuGet's folder.</summary>
    public static SurfaceName PackagesFolder { get; } = new(
        "NuGetPackageRoot",
        "NuGet's folder of packages; empty for what its configuration says.")
    {
        Type = "folder",
    };

    /// <summary>NuGet's configuration.</summary>
    public static SurfaceName NuGetConfig { get; } = new(
        "RestoreConfigFile",
        "The NuGet configuration file that the project names; empty for the usual ones.")
    {
        Type = "file",
    };

    /// <summary>The project's own feeds.</summary>
    public static SurfaceName NuGetSources { get; } = new(
        "RestoreSources",
        "Feeds that the project or the command line names instead of those of NuGet's configuration.");

    /// <summary>Further feeds.</summary>
    public static SurfaceName MoreNuGetSources { get; } = new(
        "RestoreAdditionalProjectSources",
        "Feeds that the project names beside those.");

    /// <summary>What the project says of warnings, in MSBuild's words and in those of compilers, which MSBuild reads too.</summary>
    public static IReadOnlyList<SurfaceName> OfWarnings { get; } =
    [
        .. new[]
        {
            "MSBuildTreatWarningsAsErrors", "MSBuildWarningsAsErrors", "MSBuildWarningsNotAsErrors", "MSBuildWarningsAsMessages",
            "TreatWarningsAsErrors", "WarningsAsErrors", "WarningsNotAsErrors", "NoWarn",
        }.Select(name => new SurfaceName(name, "What the project says of warnings, for the generated projects.")),
    ];

    /// <summary>Those of the SDK and of the build files themselves.</summary>
    public static IReadOnlyList<SurfaceName> OfTheBuild { get; } =
    [
        ProjectFile, MergesFolder, RunTargets, TaskAssembly, DeviceTaskAssembly, AssetsFile, PackagesFolder, NuGetConfig, NuGetSources,
        MoreNuGetSources, .. OfWarnings,
    ];
}
