namespace MergeTasks.Tool;

internal static class Program
{
    private static int Main(string[] args) => ToolRun.Run(args, Console.Out, Console.Error);
}
