namespace MergeTasks.Merging.Inputs;

/// <summary>Names of the files that a merge adds to a model folder. In a folder that is an input they tell of an earlier merge and are not carried on.</summary>
internal static class MergedFiles
{
    /// <summary>What the output was made from, tensor by tensor; written last.</summary>
    public const string Manifest = "merge.manifest.json";

    /// <summary>Whose the folder is; belongs to this machine and not to the model.</summary>
    public const string Owner = ".merge.owner.json";

    /// <summary>The statement of provenance.</summary>
    public const string Provenance = "merge.provenance.json";

    /// <summary>The model card, by the name that the Hugging Face Hub gives it.</summary>
    public const string Card = "README.md";
}
