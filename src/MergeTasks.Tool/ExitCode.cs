namespace MergeTasks.Tool;

/// <summary>What the process ends with (docs/tool.md).</summary>
internal static class ExitCode
{
    /// <summary>Done, and the answer is yes.</summary>
    public const int Done = 0;

    /// <summary>Something is wrong with a model, a recipe or a file; each finding has been told with its code.</summary>
    public const int Failed = 1;

    /// <summary>The command line is not understood.</summary>
    public const int Usage = 2;

    /// <summary>Done, and the answer is no: the bytes are not those of the manifest, the models differ.</summary>
    public const int No = 3;

    /// <summary>Interrupted, as shells say it.</summary>
    public const int Interrupted = 130;
}
